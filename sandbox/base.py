"""The contract between a sandbox backend and everything above it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

Status = Literal[
    "ok",
    "candidate_error",
    "invalid_output",
    "timeout",
    "oom",
    "output_overflow",
    "pids",
    "infra_lost",
    "cancelled",
]
Isolation = Literal["container", "namespace", "none"]


@dataclass(frozen=True)
class Limits:
    """The resources that one job may use before it is killed.

    `guest_cpu_seconds` are for the guest's process alone; 0 allows what the wall clock leaves it.
    `cpus` are cores, `pids` processes and threads, `gpus` whole GPUs, which are lent to the job.
    """

    wall_seconds: float = 60.0
    guest_cpu_seconds: float = 0.0
    memory_mb: int = 2048
    cpus: float = 1.0
    pids: int = 64
    reply_bytes: int = 64 << 20
    log_bytes: int = 16 << 10
    gpus: int = 0


@dataclass(frozen=True)
class Program:
    """Code that a box loads, and warms up, before it meets any candidate.

    `files` are modules, two of which have a part to play:

    - `entry` names the trusted one. It defines `run(request: bytes, guest) -> bytes`, which returns
      the job's reply.
    - `guest` names the one that runs beside the candidate's files, in a process of its own that
      never sees the request. It defines `answer(message: bytes, memory: memoryview) -> bytes`.

    The trusted module calls the other by `guest.ask(message)`, and both see the same
    `guest.memory`. Either may define `warm()`, which is called once before the first job. Without
    an entry the guest answers the request itself; without a guest a job can have no files. `shown`
    names the files that the guest's process can import; if it is empty, that is all of them.
    """

    files: Mapping[str, bytes]
    entry: str = ""
    guest: str = ""
    shown: Sequence[str] = ()

    @cached_property
    def digest(self) -> str:
        """Content address of the files and of which is which."""
        shown = " ".join(self.shown)
        roles = {f"\0{self.entry}\0{self.guest}\0{shown}": b""}
        return digest_files({**self.files, **roles})


@dataclass(frozen=True)
class Job:
    """One call of a program, whose guest finds `files` in its working directory.

    `files` are untrusted, so jobs with different files never share what isolates them. A job that
    is `fresh` runs in a box that has run no job before it.
    """

    program: Program
    request: bytes
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    limits: Limits = Limits()
    fresh: bool = False


@dataclass(frozen=True)
class Result:
    """How a job ended. A job that fails is a result, not an exception.

    `log` is what the job printed, or its traceback: untrusted text, truncated.
    """

    status: Status
    reply: bytes = b""
    log: str = ""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0


class Sandbox(Protocol):
    """Runs jobs in isolation. `run` is called from several threads at once."""

    name: str
    isolation: Isolation

    def run(self, job: Job) -> Result:
        """Run `job` to its end or to its limits. Raises SandboxError if the backend is unusable."""
        ...

    def describe(self) -> dict[str, str]:
        """Image, engine, effective settings and library versions, which a replay compares."""
        ...

    def close(self) -> None:
        """End every process and container this backend started. Idempotent."""
        ...


class SandboxError(Exception):
    """The backend itself is unusable: no engine, no image, no GPU. Never a candidate's fault."""

    exit_code = 3


def digest_files(files: Mapping[str, bytes]) -> str:
    """Content address of a set of named files, whatever their order."""
    hasher = hashlib.sha256()
    for name in sorted(files):
        hasher.update(f"{len(name)}:{name}:{len(files[name])}:".encode())
        hasher.update(files[name])
    return hasher.hexdigest()
