"""One conformance suite for every sandbox backend: a new one is one more name in BACKENDS."""

import functools
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ratchet.sandbox import Job, Limits, Program, Result, Sandbox, SandboxError, open_sandbox

BACKENDS = ["process", pytest.param("docker", marks=pytest.mark.docker)]
SOON = 2.0

HOST = Program(
    {
        "host.py": b"""
def run(request, workspace):
    space = {"request": request, "workspace": workspace}
    exec(compile(open("candidate.py").read(), "candidate.py", "exec"), space)
    return space.get("answer", b"")
"""
    },
    "host",
)

SPAWN = """
import os, signal, sys, time
STAY = "import signal, sys, time\\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\\n" \\
    "while True: time.sleep(1)"
def stay():
    os.execv(sys.executable, [sys.executable, "-I", "-c", STAY, request.decode()])
for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
"""
STUBBORN = {
    "ignores SIGTERM": "while True: pass",
    "forks": "for _ in range(4):\n    if os.fork() == 0: stay()\nwhile True: pass",
    "daemonises": """
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: stay()
        os._exit(0)
while True: pass""",
    "stops itself": "if os.fork() == 0: stay()\nos.kill(os.getpid(), signal.SIGSTOP)",
    "stops the runner": """
if os.fork() == 0: stay()
os.kill(os.getppid(), signal.SIGSTOP)
while True: pass""",
    "floods": "while True: os.write(2, b'x' * 65536)",
}
FLOODING = "if os.fork() == 0:\n    while True: os.write(1, b'x' * 65536)\nanswer = b'done'"

HOSTILE = {
    "broken header": b"\x00\x00\x00\x05\x00\x00\x00\x00hello",
    "duplicate keys": b'\x00\x00\x00\x11\x00\x00\x00\x00{"id": 1, "id":1}',
    "not a number": b'\x00\x00\x00\x18\x00\x00\x00\x00{"id": 1, "status": NaN}',
    "deep nesting": b"\x00\x00\xff\xff\x00\x00\x00\x00" + b"[" * 0xFFFF,
    "huge lengths": b"\xff\xff\xff\xff\xff\xff\xff\xff",
    "short payload": b"\x00\x00\x00\x02\x00\x00\xff\xff{}",
    "long payload": b"\x00\x00\x00\x02\x00\x00\x00\x00{}" + b"x" * 4096,
    "silence": b"\x00\x00",
}
WRITE_EVERYWHERE = """
import os, time
folder = f"/proc/{os.getppid()}/fd"
for name in os.listdir(folder) if os.access(folder, os.R_OK) else ():
    try:
        if not os.readlink(f"{folder}/{name}").startswith(("pipe", "socket")): continue
        end = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK)
        os.write(end, request)
    except OSError: pass
time.sleep(0.2)
answer = b"done"
"""


@pytest.fixture(scope="module", params=BACKENDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with closing(opened(request.param)) as backend:
        yield backend


def opened(name: str) -> Sandbox:
    if name == "docker" and (reason := no_engine()):
        pytest.skip(reason)
    return open_sandbox(name, workers=2)


@functools.cache
def no_engine() -> str:
    from ratchet.sandbox.docker import Engine

    try:
        Engine().close()
    except SandboxError as error:
        return str(error)
    return ""


def attempt(
    sandbox: Sandbox, code: str, request: bytes = b"", limits: Limits | None = None, **files: bytes
) -> Result:
    sources = {"candidate.py": code.encode(), **files}
    return sandbox.run(Job(HOST, request, sources, limits or Limits(wall_seconds=20)))


def running(mark: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def gone(mark: str) -> bool:
    end = time.monotonic() + SOON
    while running(mark) and time.monotonic() < end:
        time.sleep(0.02)
    return not running(mark)


def test_a_reply_comes_back_with_its_cost(sandbox: Sandbox) -> None:
    result = attempt(sandbox, "print('hello')\nanswer = request * 2", b"\x00ab")
    assert (result.status, result.reply, result.log) == ("ok", b"\x00ab\x00ab", "hello\n")
    assert 0 < result.cpu_seconds <= result.wall_seconds + 0.1


def test_a_large_request_and_a_large_reply_pass_whole(sandbox: Sandbox) -> None:
    data = os.urandom(24 << 20)
    assert attempt(sandbox, "answer = request", data).reply == data


def test_the_files_are_the_workspace_and_nothing_else_is(sandbox: Sandbox) -> None:
    code = "import os; answer = ' '.join(sorted(os.listdir(workspace))).encode()"
    assert attempt(sandbox, code, notes=b"1").reply == b"candidate.py notes"


@pytest.mark.parametrize("again", ["the same files", "other files"])
def test_two_jobs_share_nothing(sandbox: Sandbox, again: str) -> None:
    code = """
import builtins, os, sys
seen = [getattr(builtins, "leak", ""), os.environ.get("LEAK", ""), str(sys.modules.get("leak", ""))]
seen += [name for folder in (workspace, "..") for name in os.listdir(folder) if "leak" in name]
builtins.leak = os.environ["LEAK"] = "leak"
sys.modules["leak"] = sys
open("leak", "w"), open("../leak", "w")
answer = "".join(seen).encode()
"""
    mark = uuid.uuid4().hex.encode()
    assert attempt(sandbox, code, mark=mark).status == "ok"
    other = mark if again == "the same files" else mark[::-1]
    assert attempt(sandbox, code, mark=other).reply == b""


def test_an_exception_is_a_result_that_ends_with_its_traceback(sandbox: Sandbox) -> None:
    result = attempt(sandbox, "raise ValueError('seven')")
    assert result.status == "candidate_error"
    assert result.log.endswith("ValueError: seven\n")
    assert "candidate.py" in result.log


@pytest.mark.parametrize("how", STUBBORN)
def test_a_job_past_its_deadline_is_gone_whatever_it_does(sandbox: Sandbox, how: str) -> None:
    mark, start = uuid.uuid4().hex, time.monotonic()
    warm = attempt(sandbox, SPAWN + STUBBORN[how], mark.encode(), Limits(wall_seconds=0.5))
    assert warm.status == "timeout"
    assert warm.wall_seconds < 0.5 + SOON
    assert gone(mark)
    assert time.monotonic() - start < 60


def test_what_a_finished_job_leaves_running_is_killed(sandbox: Sandbox) -> None:
    mark = uuid.uuid4().hex
    code = SPAWN + STUBBORN["daemonises"].replace("while True: pass", "answer = b'done'")
    result = attempt(sandbox, code, mark.encode())
    assert (result.status, result.reply) == ("ok", b"done")
    assert gone(mark)


def test_a_child_that_floods_does_not_hold_up_its_parent(sandbox: Sandbox) -> None:
    result = attempt(sandbox, "import os\n" + FLOODING)
    assert (result.status, result.reply) == ("ok", b"done")


def test_too_much_memory_is_told_from_an_error(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=20, memory_mb=256)
    assert attempt(sandbox, "bytearray(1 << 30)", limits=limits).status == "oom"
    assert attempt(sandbox, "answer = b'fine'", limits=limits).status == "ok"


def test_a_reply_over_its_cap_is_cut_off(sandbox: Sandbox) -> None:
    limits = Limits(wall_seconds=20, reply_bytes=1000)
    assert attempt(sandbox, "answer = bytes(1000)", limits=limits).status == "ok"
    assert attempt(sandbox, "answer = bytes(1001)", limits=limits).status == "output_overflow"


@pytest.mark.parametrize("text", ["b'x' * 99 + b'\\n'", "bytes(range(128, 228))", "bytes(100)"])
def test_only_the_end_of_a_long_log_is_kept(sandbox: Sandbox, text: str) -> None:
    code = f"import os\nfor _ in range(100_000): os.write(1, {text})\nprint('last')"
    result = attempt(sandbox, code)
    assert result.status == "ok"
    assert result.log.endswith("last\n")
    assert len(result.log) <= Limits().log_bytes


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("os._exit(0)", "candidate_error"),
        ("os._exit(3)", "candidate_error"),
        ("sys.exit()", "candidate_error"),
        ("os.kill(os.getpid(), 9)", "oom"),
        ("os.kill(os.getpid(), 11)", "candidate_error"),
        ("os.kill(os.getppid(), 9); time.sleep(5)", "candidate_error"),
        ("os.closerange(0, 99); time.sleep(0.1)", "candidate_error"),
    ],
)
def test_an_early_end_is_the_jobs_own_fault(sandbox: Sandbox, ending: str, status: str) -> None:
    result = attempt(sandbox, f"import os, sys, time\n{ending}", os.urandom(8))
    assert result.status == status
    assert result.log


@pytest.mark.parametrize("bytes_sent", HOSTILE)
def test_forged_frames_neither_hang_the_host_nor_reach_the_next_job(
    sandbox: Sandbox, bytes_sent: str
) -> None:
    limits = Limits(wall_seconds=1, reply_bytes=1000)
    result = attempt(sandbox, WRITE_EVERYWHERE, HOSTILE[bytes_sent], limits)
    assert result.wall_seconds < 1 + SOON
    if sandbox.isolation != "none":
        assert result.reply == b"done"  # not one descriptor of the runner was in reach
    assert attempt(sandbox, "answer = b'honest'").reply == b"honest"


def test_nothing_of_the_hosts_environment_is_visible(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATCHET_CANARY", "c4n4ry")
    result = attempt(sandbox, "import os; answer = repr(dict(os.environ)).encode()")
    assert b"HOME" in result.reply
    assert b"c4n4ry" not in result.reply
    assert b"RATCHET" not in result.reply


def test_a_program_that_fails_to_load_says_so_in_its_own_words(sandbox: Sandbox) -> None:
    for source in (
        b"raise OSError('no such thing')",
        b"def warm(): raise OSError('no such thing')",
    ):
        with pytest.raises(SandboxError, match="no such thing"):
            sandbox.run(Job(Program({"broken.py": source}, "broken"), b""))


def test_thirty_jobs_from_two_threads_get_their_own_replies(sandbox: Sandbox) -> None:
    def one(number: int) -> bytes:
        code = "import time; time.sleep(0.01); answer = request"
        return attempt(sandbox, code, b"%d" % number, which=b"%d" % (number % 3)).reply

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(one, range(30))) == [b"%d" % number for number in range(30)]


def test_trusted_jobs_without_files_share_a_warm_box(sandbox: Sandbox) -> None:
    program = Program({"who.py": b"def run(request, workspace): return request"}, "who")
    first = sandbox.run(Job(program, b"1"))
    second = sandbox.run(Job(program, b"2"))
    assert (first.reply, second.reply) == (b"1", b"2")
    assert second.wall_seconds < 1


@pytest.mark.parametrize("name", BACKENDS)
def test_closing_leaves_nothing_behind_and_is_final(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with closing(opened(name)) as backend:
        assert attempt(backend, "answer = b'1'").status == "ok"
        assert attempt(backend, "1 / 0").status == "candidate_error"
        backend.close()
        with pytest.raises(SandboxError, match="closed"):
            attempt(backend, "")
    assert not list(tmp_path.iterdir())
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= descriptors


@pytest.mark.parametrize("name", BACKENDS)
def test_closing_ends_a_job_in_flight_at_once(name: str) -> None:
    mark = uuid.uuid4().hex
    with closing(opened(name)) as backend, ThreadPoolExecutor(1) as pool:
        code = SPAWN + "if os.fork() == 0: stay()\nwhile True: pass"
        job = pool.submit(attempt, backend, code, mark.encode())
        wait = time.monotonic() + 15
        while not running(mark) and time.monotonic() < wait:
            time.sleep(0.05)
        asked = time.monotonic()
        backend.close()
        with pytest.raises(SandboxError, match="closed"):
            job.result(timeout=10)
        assert time.monotonic() - asked < SOON
    assert gone(mark)


def test_the_folder_of_a_killed_owner_is_swept_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from ratchet.sandbox import open_sandbox as o; s = o('process'); print(1); input()"
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-uc", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"1\n"
        left = set(tmp_path.iterdir())
        open_sandbox("process").close()
        assert left == set(tmp_path.iterdir()) != set()
        other.kill()
        other.communicate()
    open_sandbox("process").close()
    assert not list(tmp_path.iterdir())


def test_an_unknown_backend_is_refused_in_one_sentence() -> None:
    for name in ("dokcer", "base", "nowhere.at_all"):
        with pytest.raises(SandboxError, match="no sandbox backend named"):
            open_sandbox(name)


def test_auto_falls_back_and_a_name_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(SandboxError, match="no Docker engine answers at unix:///nowhere"):
        open_sandbox("docker")
    with closing(open_sandbox("auto")) as backend:
        assert (backend.name, backend.isolation) == ("process", "none")
