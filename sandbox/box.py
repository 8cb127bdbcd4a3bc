"""A box: one warm runner behind a byte channel."""

import json
import struct
import time
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from .base import Job, Program, Result, SandboxError, Status

HEADER_BYTES = 64 << 10
ESCAPED = 6  # bytes of JSON for one byte of log, at worst
GRACE_SECONDS = 1.5
START_SECONDS = 120.0


class Channel(Protocol):
    """Bytes to and from a runner, with deadlines on a monotonic clock."""

    def write(self, data: bytes, deadline: float) -> None:
        """Write every byte, or raise TimeoutError or EOFError."""
        ...

    def read(self, deadline: float) -> bytes:
        """Return at least one byte the runner wrote, or raise TimeoutError or EOFError."""
        ...

    def log(self) -> str:
        """What the runner itself wrote to its standard error, truncated."""
        ...

    def cause(self) -> str:
        """Why the runner ended, if the channel can tell: "oom", else nothing."""
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
    """Two big-endian lengths, a JSON header and a raw payload."""
    head = json.dumps(header).encode()
    return struct.pack(">II", len(head), len(payload)) + head + payload


class Box:
    """One runner that has loaded one program. Not safe to call from two threads at once."""

    def __init__(
        self, channel: Channel, program: Program, folder: str, path: list[str], alone: bool = False
    ) -> None:
        """Load and warm `program`; raises SandboxError with the runner's words if that fails.

        `alone` says that every process the runner can see is its own, so it may kill them all.
        """
        self.channel = channel
        self.broken = False
        self._unread = bytearray()
        self._jobs = 0
        files = [[name, len(data)] for name, data in sorted(program.files.items())]
        setup: dict[str, object] = {
            "files": files,
            "entry": program.entry,
            "folder": folder,
            "path": path,
        }
        setup["alone"] = alone
        body = b"".join(data for _, data in sorted(program.files.items()))
        deadline = time.monotonic() + START_SECONDS
        try:
            channel.write(frame(setup, body), deadline)
            header, _ = self._receive(deadline, 0)
        except (TimeoutError, EOFError, FrameError) as error:
            said = channel.log().strip() or str(error)
            channel.close()
            raise SandboxError(f"the sandbox runner did not start: {said[-2000:]}") from error
        if not isinstance(header, dict) or "ready" not in header:
            channel.close()
            words = header.get("failed") if isinstance(header, dict) else header
            raise SandboxError(f"{program.entry}.py does not load: {words}")
        self.versions: dict[str, str] = header["ready"]

    def run(self, job: Job) -> Result:
        """Run one job. After anything but a clean reply the box is closed and `broken`."""
        self._jobs += 1
        limits = job.limits
        header = {
            "id": self._jobs,
            "files": [[name, len(data)] for name, data in sorted(job.files.items())],
            "wall_seconds": limits.wall_seconds,
            "memory_mb": limits.memory_mb,
            "reply_bytes": limits.reply_bytes,
            "log_bytes": limits.log_bytes,
        }
        body = b"".join(data for _, data in sorted(job.files.items())) + job.request
        start = time.monotonic()
        deadline = start + limits.wall_seconds + GRACE_SECONDS
        try:
            self.channel.write(frame(header, body), deadline)
            head_cap = HEADER_BYTES + ESCAPED * limits.log_bytes
            raw, payload = self._receive(deadline, limits.reply_bytes, head_cap)
            if self._unread:
                raise FrameError("bytes after the result")
            ended = Ended.model_validate(raw)
            if ended.id != self._jobs:
                raise FrameError(f"the reply names job {ended.id}, not {self._jobs}")
            if ended.status == "cancelled":
                raise FrameError("someone else spoke to the runner")
        except TimeoutError:
            return self._fail("timeout", "no reply at the deadline", start)
        except EOFError:
            status: Status = "oom" if self.channel.cause() == "oom" else "infra_lost"
            return self._fail(status, self.channel.log(), start)
        except (FrameError, ValidationError) as error:
            return self._fail("invalid_output", f"broken frame: {error}", start)
        return Result(
            status=ended.status,
            reply=payload,
            log=ended.log[-limits.log_bytes :],
            wall_seconds=time.monotonic() - start,
            cpu_seconds=max(0.0, ended.cpu_seconds),
        )

    def close(self) -> None:
        """Kill the runner."""
        self.broken = True
        self.channel.close()

    def _fail(self, status: Status, log: str, start: float) -> Result:
        self.close()
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


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object whose keys are all different."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def no_constant(text: str) -> object:
    """NaN and the infinities are not JSON."""
    raise ValueError(f"{text} is not a number")
