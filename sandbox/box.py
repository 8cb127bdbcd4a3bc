"""A box: one warm runner behind a byte channel, and the pool that hands boxes to jobs."""

import json
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from .base import Job, Program, Result, SandboxError, Status, digest_files

HEADER_BYTES = 64 << 10
GRACE_SECONDS = 2.0
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

    def __init__(self, channel: Channel, program: Program, folder: str, path: list[str]) -> None:
        """Load and warm `program`; raises SandboxError with the runner's words if that fails."""
        self.channel = channel
        self.broken = False
        self._unread = bytearray()
        self._jobs = 0
        files = [[name, len(data)] for name, data in sorted(program.files.items())]
        setup = {"files": files, "entry": program.entry, "folder": folder, "path": path}
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
            raise SandboxError(f"{program.entry}.py does not load: {header}")
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
            raw, payload = self._receive(deadline, limits.reply_bytes)
            if self._unread:
                raise FrameError("bytes after the result")
            ended = Ended.model_validate(raw)
            if ended.id != self._jobs:
                raise FrameError(f"the reply names job {ended.id}, not {self._jobs}")
        except TimeoutError:
            return self._fail("timeout", "no reply at the deadline", start)
        except EOFError:
            return self._fail("infra_lost", self.channel.log(), start)
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

    def _receive(self, deadline: float, payload_cap: int) -> tuple[object, bytes]:
        head, body = struct.unpack(">II", self._take(8, deadline))
        if head > HEADER_BYTES or body > payload_cap:
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


class Pool:
    """Warm boxes for jobs from several threads.

    With `private`, a box that has met one set of untrusted files never meets another.
    """

    def __init__(
        self, open_box: Callable[[Program], Box], private: bool, keep: int, spare: int = 0
    ) -> None:
        """Keep up to `keep` used boxes for their owners and `spare` pristine ones per program."""
        self._open_box = open_box
        self._private, self._keep, self._spare = private, keep, spare
        self._idle: OrderedDict[tuple[str, str], list[Box]] = OrderedDict()
        self._fresh: dict[str, list[Future[Box]]] = {}
        self._lock = threading.Lock()
        self._opener = ThreadPoolExecutor(1, "ratchet-box") if spare else None
        self._closed = False
        self.versions: dict[str, str] = {}

    def run(self, job: Job, retries: int = 2) -> Result:
        """Run `job` in a warm box; only a lost box is tried again."""
        owner = digest_files(job.files) if self._private and job.files else ""
        key = (job.program.digest, owner)
        for _ in range(retries + 1):
            box = self._take(key, job.program)
            try:
                result = box.run(job)
            except BaseException:
                box.close()
                raise
            if not box.broken:
                self._put(key, box)
            if result.status != "infra_lost":
                return result
        return result

    def close(self) -> None:
        """Close every box."""
        with self._lock:
            self._closed = True
            idle = [box for boxes in self._idle.values() for box in boxes]
            fresh = [future for futures in self._fresh.values() for future in futures]
            self._idle.clear()
            self._fresh.clear()
        if self._opener is not None:
            self._opener.shutdown(wait=True, cancel_futures=True)
        idle += [f.result() for f in fresh if not f.cancelled() and f.exception() is None]
        for box in idle:
            box.close()

    def _take(self, key: tuple[str, str], program: Program) -> Box:
        with self._lock:
            if self._closed:
                raise SandboxError("the sandbox is closed")
            boxes = self._idle.get(key)
            if boxes:
                box = boxes.pop()
                if not boxes:
                    del self._idle[key]
                return box
            waiting = self._fresh.setdefault(program.digest, [])
            future = waiting.pop(0) if waiting else None
            if self._opener is not None and key[1]:
                while len(waiting) < self._spare:
                    waiting.append(self._opener.submit(self._open_box, program))
        box = future.result() if future is not None else self._open_box(program)
        self.versions = self.versions or box.versions
        return box

    def _put(self, key: tuple[str, str], box: Box) -> None:
        surplus: list[Box] = []
        with self._lock:
            if self._closed:
                surplus.append(box)
            else:
                self._idle.setdefault(key, []).append(box)
                self._idle.move_to_end(key)
                while sum(map(len, self._idle.values())) > self._keep:
                    _, boxes = self._idle.popitem(last=False)
                    surplus += boxes
        for old in surplus:
            old.close()
