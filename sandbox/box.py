"""A box: one warm runner behind a byte channel."""

import json
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from .base import Job, Program, Result, SandboxError, Status
from .text import clean

HEADER_BYTES = 64 << 10
ESCAPED = 6  # bytes of JSON for one byte of log, at worst
GRACE_SECONDS = 1.5
LOG_CHARACTERS = 16 << 10
RUNNER_LOG_BYTES = 64 << 10  # of a runner's own standard error, the end of which is kept
WORK_MB, WORK_FILES = 64, 4096  # the size of the folder in which a job can write, behind walls
START_SECONDS = 120.0
CAUSES: dict[str, Status] = {"oom": "oom", "output_overflow": "output_overflow"}


class Channel(Protocol):
    """Bytes to and from a runner, with deadlines on a monotonic clock."""

    def write(self, data: bytes, deadline: float) -> None:
        """Write every byte, or raise TimeoutError or EOFError."""
        ...

    def read(self, deadline: float) -> bytes:
        """Return at least one byte the runner wrote, or raise TimeoutError or EOFError."""
        ...

    def log(self) -> str:
        """The end of the runner's own standard error."""
        ...

    def cause(self) -> str:
        """Why the runner ended: "oom", "output_overflow", "engine" if that was lost, or ""."""
        ...

    def interrupt(self) -> None:
        """From any thread: end the runner, so that whoever waits for it sees the end."""
        ...

    def close(self) -> None:
        """Kill the runner and everything in it. Idempotent."""
        ...


class FrameError(Exception):
    """The untrusted side broke the protocol."""


class Ended(BaseModel):
    """The header of a finished job. The runner is untrusted, so nothing is coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    id: int
    status: Status
    log: str
    wall_seconds: float
    cpu_seconds: float


def frame(header: object, payload: bytes = b"") -> bytes:
    """The bytes of one frame: two big-endian lengths, a JSON header and a raw payload."""
    head = json.dumps(header).encode()
    return struct.pack(">II", len(head), len(payload)) + head + payload


@dataclass(frozen=True)
class Place:
    """The folder in which a runner works, and the walls that it puts around each candidate.

    `path` are the folders that it imports libraries from. `walls` is "none"; "filter", an allow
    list of system calls; or "cell", fresh namespaces as well, with `cell` as in `inside/cell.py`.
    `litter` are other folders that a job could write to. `readable`, where it names any, is all
    that a candidate can read besides its own files.
    """

    folder: str
    path: Sequence[str] = ()
    walls: Literal["none", "filter", "cell"] = "none"
    cell: Mapping[str, object] = field(default_factory=dict[str, object])
    litter: Sequence[str] = ()
    readable: Sequence[str] = ()


class Box:
    """One runner that has loaded one program. Not safe to call from two threads at once."""

    def __init__(self, channel: Channel, program: Program, place: Place) -> None:
        """Load and warm `program`; raises SandboxError with the runner's message if that fails."""
        self.channel = channel
        self.broken = False
        self._unread = bytearray()
        self._jobs = 0
        setup = {
            "entry": program.entry,
            "guest": program.guest,
            "folder": place.folder,
            "workspace": f"{place.folder}/job",
            "path": [*place.path],
            "filtered": place.walls != "none",
            "nested": place.walls == "cell",
            "cell": dict(place.cell),
            "litter": [*place.litter],
            "readable": [*place.readable],
        }
        shown = {name: program.files[name] for name in program.shown or program.files}
        loading = packed(setup, shown) + packed({}, program.files)
        deadline = time.monotonic() + START_SECONDS
        try:
            with suppress(EOFError):  # one that could not load says why before it is gone
                channel.write(loading, deadline)
            header, _ = self._receive(deadline, 0)
        except (TimeoutError, EOFError, FrameError) as error:
            reason = channel.log().strip() or str(error)
            channel.close()
            raise SandboxError(f"the sandbox runner did not start: {reason[-2000:]}") from error
        if not isinstance(header, dict) or "ready" not in header:
            channel.close()
            failure = header.get("failed") if isinstance(header, dict) else header
            name = program.entry or program.guest
            raise SandboxError(f"{name}.py does not load: {failure}")
        self.versions: dict[str, str] = header["ready"]

    def run(self, job: Job) -> Result:
        """Run one job. After anything but a clean reply the box is closed and `broken`."""
        self._jobs += 1
        start = time.monotonic()
        try:
            ended, payload = self._exchange(job, start + job.limits.wall_seconds + GRACE_SECONDS)
        except TimeoutError:
            return self._fail("timeout", "no reply at the deadline", start)
        except EOFError:
            status = CAUSES.get(self.channel.cause(), "infra_lost")
            return self._fail(status, self.channel.log(), start)
        except (FrameError, ValidationError) as error:
            return self._fail("invalid_output", f"broken frame: {error}", start)
        return Result(
            status=ended.status,
            reply=payload,
            log=clean(ended.log, job.limits.log_bytes),
            wall_seconds=time.monotonic() - start,
            cpu_seconds=max(0.0, ended.cpu_seconds),
        )

    def _exchange(self, job: Job, deadline: float) -> tuple[Ended, bytes]:
        limits = job.limits
        header = {
            "id": self._jobs,
            "wall_seconds": limits.wall_seconds,
            "guest_cpu_seconds": limits.guest_cpu_seconds,
            "memory_mb": limits.memory_mb,
            "cpus": limits.cpus,
            "pids": limits.pids,
            "reply_bytes": limits.reply_bytes,
            "log_bytes": limits.log_bytes,
        }
        self.channel.write(packed(header, job.files, job.request), deadline)
        head_cap = HEADER_BYTES + ESCAPED * limits.log_bytes
        raw, payload = self._receive(deadline, limits.reply_bytes, head_cap)
        if self._unread:
            raise FrameError("bytes after the result")
        ended = Ended.model_validate(raw)
        if ended.id != self._jobs:
            raise FrameError(f"the reply names job {ended.id}, not {self._jobs}")
        if ended.status == "cancelled":
            raise FrameError("someone else spoke to the runner")
        return ended, payload

    def close(self) -> None:
        """Kill the runner."""
        self.broken = True
        self.channel.close()

    def _fail(self, status: Status, log: str, start: float) -> Result:
        self.close()
        log = clean(log, LOG_CHARACTERS)
        return Result(status=status, log=log, wall_seconds=time.monotonic() - start)

    def _receive(
        self, deadline: float, payload_cap: int, head_cap: int = HEADER_BYTES
    ) -> tuple[object, bytes]:
        head, body = struct.unpack(">II", self._take(8, deadline))
        if head > head_cap or body > payload_cap:
            raise FrameError(f"a frame of {head} + {body} bytes is over the cap")
        try:
            header = json.loads(
                self._take(head, deadline), object_pairs_hook=unique, parse_constant=no_constant
            )
        except (ValueError, RecursionError) as error:
            raise FrameError(f"the header is not strict JSON: {error}") from error
        return header, self._take(body, deadline)

    def _take(self, count: int, deadline: float) -> bytes:
        while len(self._unread) < count:
            self._unread += self.channel.read(deadline)
        data = bytes(self._unread[:count])
        del self._unread[:count]
        return data


def packed(header: Mapping[str, object], files: Mapping[str, bytes], rest: bytes = b"") -> bytes:
    """A frame that carries named files, and then `rest`."""
    names = sorted(files)
    listed = [[name, len(files[name])] for name in names]
    body = b"".join(files[name] for name in names) + rest
    return frame({**header, "files": listed}, body)


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object of these keys and values; raises ValueError if two keys are equal."""
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("duplicate key")
    return mapping


def no_constant(text: str) -> object:
    """Raise ValueError for NaN or an infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{text} is not a number")
