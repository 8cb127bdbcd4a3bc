"""Whatever bytes the untrusted side sends, the host ends with a result, and never hangs."""

import json
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.sandbox import Job, Limits, Program, SandboxError
from ratchet.sandbox.box import Box, Place, frame
from ratchet.sandbox.docker.attach import AttachChannel

PROGRAM = Program({"p.py": b""}, guest="p")
JOB = Job(PROGRAM, b"request", {"a.py": b"1"}, Limits(wall_seconds=1, reply_bytes=100))
READY = frame({"ready": {"python": "3"}})
HEADER = {"id": 1, "status": "ok", "log": "", "wall_seconds": 0.5, "cpu_seconds": 0.25}


class Scripted:
    """A channel whose other side says the given bytes, and then ends or falls silent."""

    def __init__(self, parts: list[bytes], hangs: bool = False) -> None:
        self.parts, self.hangs, self.closed = [part for part in parts if part], hangs, False

    def write(self, data: bytes, deadline: float) -> None:
        pass

    def read(self, deadline: float) -> bytes:
        if self.parts:
            return self.parts.pop(0)
        raise TimeoutError if self.hangs else EOFError

    def log(self) -> str:
        return "words"

    def cause(self) -> str:
        return ""

    def interrupt(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True


def box(parts: list[bytes], hangs: bool = False) -> tuple[Box, Scripted]:
    channel = Scripted([READY, *parts], hangs)
    return Box(channel, PROGRAM, Place("/work")), channel


def test_a_frame_in_any_pieces_is_the_same_reply() -> None:
    whole = frame(HEADER, b"payload")
    for size in (1, 3, len(whole)):
        opened, channel = box([whole[at : at + size] for at in range(0, len(whole), size)])
        result = opened.run(JOB)
        assert (result.status, result.reply, result.cpu_seconds) == ("ok", b"payload", 0.25)
        assert not channel.closed


@given(st.lists(st.binary(max_size=200), max_size=5), st.booleans())
@settings(deadline=None)
def test_random_bytes_end_in_a_result(parts: list[bytes], hangs: bool) -> None:
    opened, channel = box(parts, hangs)
    assert opened.run(JOB).status in ("invalid_output", "infra_lost", "timeout")
    assert opened.broken
    assert channel.closed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from([*HEADER, "more"]), json_values),
    st.binary(max_size=120),
    st.integers(-3, 3),
)
@settings(max_examples=200, deadline=None)
def test_headers_of_the_wrong_shape_are_refused(
    changes: dict[str, object], payload: bytes, off: int
) -> None:
    head = json.dumps({**HEADER, **changes}).encode()
    length = max(0, len(payload) + off)
    sent = struct.pack(">II", len(head), length) + head + payload
    opened, channel = box([sent])
    result = opened.run(JOB)
    if result.status == "ok":
        assert len(result.reply) == length <= JOB.limits.reply_bytes
    assert opened.broken == channel.closed


@pytest.mark.parametrize(
    "header",
    [
        json.dumps(HEADER)[:-1] + ', "id": 1}',
        json.dumps({**HEADER, "cpu_seconds": float("nan")}),
        json.dumps({**HEADER, "wall_seconds": float("inf")}),
        json.dumps({**HEADER, "wall_seconds": "1"}),
        json.dumps({**HEADER, "status": "excellent"}),
        json.dumps({**HEADER, "id": 2}),
        json.dumps({**HEADER, "score": 1.0}),
        "[" * 60_000,
        "1e999",
        "null",
    ],
)
def test_one_wrong_thing_in_a_header_is_enough(header: str) -> None:
    opened, _ = box([struct.pack(">II", len(header), 0) + header.encode()])
    assert opened.run(JOB).status == "invalid_output"


def test_anything_after_the_result_voids_it() -> None:
    opened, _ = box([frame(HEADER) + b"x"])
    assert opened.run(JOB).status == "invalid_output"


def test_a_stale_reply_does_not_answer_the_next_job() -> None:
    opened, _ = box([frame(HEADER), frame(HEADER)])
    assert opened.run(JOB).status == "ok"
    assert opened.run(JOB).status == "invalid_output"


@pytest.mark.parametrize("first", [b"", b"\xff" * 8, frame([1]), frame({"failed": "words"})])
def test_a_runner_that_does_not_come_up_is_the_backends_error(first: bytes) -> None:
    channel = Scripted([first])
    with pytest.raises(SandboxError, match=r"words|load"):
        Box(channel, PROGRAM, Place("/work"))
    assert channel.closed


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=50)), min_size=1),
    st.integers(1, 40),
)
@settings(max_examples=50, deadline=None)
def test_an_attach_stream_in_any_pieces_is_told_apart(
    chunks: list[tuple[int, bytes]], size: int
) -> None:
    sent = b"".join(struct.pack(">BxxxI", kind, len(data)) + data for kind, data in chunks)
    here, there = socket.socketpair()
    ended: list[bool] = []
    channel = AttachChannel(here, lambda: ended.append(True), lambda: "")

    def say() -> None:
        for at in range(0, len(sent), size):
            there.sendall(sent[at : at + size])
        there.shutdown(socket.SHUT_WR)

    with there, ThreadPoolExecutor(1) as threads:  # a socket's buffer may not hold it all
        said = threads.submit(say)
        output = bytearray()
        with suppress(EOFError):
            while True:
                output += channel.read(time.monotonic() + 5)
        said.result()
        channel.close()
        channel.close()
    assert output == b"".join(data for kind, data in chunks if kind == 1)
    assert channel.log() == b"".join(data for kind, data in chunks if kind == 2).decode(
        errors="replace"
    )
    assert ended == [True]


def test_an_attach_stream_keeps_its_deadline() -> None:
    here, there = socket.socketpair()
    channel = AttachChannel(here, lambda: None, lambda: "")
    start = time.monotonic()
    with there:
        with pytest.raises(TimeoutError):
            channel.read(start + 0.1)
        with pytest.raises(TimeoutError):
            channel.write(bytes(64 << 20), start + 0.2)
        channel.close()
    assert time.monotonic() - start < 2
