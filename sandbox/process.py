"""Run jobs as plain processes of this user: fast, tidy, and not a security boundary.

What it does: a separate process group and session, resource limits, an empty environment, a
private temporary directory, and a kill of everything the job started at the deadline. What it does
not: a candidate here can read your files and use your network.
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from .base import Isolation, Job, Limits, Program, Result, SandboxError
from .box import RUNNER_LOG_BYTES, Box, Place
from .inside import program as runner_program
from .owner import dead, owner
from .pool import Pool

PREFIX, OWNER = "ratchet-", "owner"
ENVIRONMENT = {
    # one thread each, as many jobs share the cores
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LANG": "C.UTF-8",
    # no GPU
    "CUDA_VISIBLE_DEVICES": "",
}


def create(workers: int = 2, strict: bool = False) -> "ProcessSandbox":
    """Open the backend for `workers` jobs at a time; `strict` gives each job its own box."""
    return ProcessSandbox(workers, strict)


def site() -> list[str]:
    """The folders in which this Python keeps its libraries."""
    return list(dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib")))


class ProcessSandbox:
    """Each job is a fork of a warm process that has never run candidate code."""

    name = "process"
    isolation: Isolation = "none"

    def __init__(self, workers: int, strict: bool = False) -> None:
        """Start nothing yet; boxes open with their first job."""
        sweep(Path(tempfile.gettempdir()))
        self._root = tempfile.mkdtemp(prefix=PREFIX)
        Path(self._root, OWNER).write_text(owner())
        self._pool = Pool(self._open, private=False, keep=4 * workers, once=strict)

    def run(self, job: Job) -> Result:
        """Run `job` in a fork of a warm process."""
        return self._pool.run(job)

    def describe(self) -> dict[str, str]:
        """The backend and the versions its boxes run."""
        return {"sandbox": self.name, **self._pool.versions}

    def close(self) -> None:
        """End the warm processes and remove their directories."""
        self._pool.close()
        shutil.rmtree(self._root, ignore_errors=True)

    def _open(self, program: Program, limits: Limits) -> Box:
        if limits.gpus:
            raise SandboxError("the process sandbox has no GPUs: use --sandbox docker")
        folder = tempfile.mkdtemp(dir=self._root)
        command = [sys.executable, "-I", "-S", "-c", runner_program()]
        return Box(ProcessChannel(command, folder), program, Place(folder, site()))


class ProcessChannel:
    """Pipes to a runner in its own session."""

    def __init__(self, command: list[str], folder: str, own: bool = True) -> None:
        """Start the runner in `folder` with an environment that holds nothing of ours."""
        self._folder = folder if own else ""
        self._process = subprocess.Popen(
            command,
            cwd=folder if own else "/",
            env={"PATH": os.defpath, "HOME": folder, "TMPDIR": folder, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._in, self._out, self._err = (
            self._process.stdin.fileno(),
            self._process.stdout.fileno(),
            self._process.stderr.fileno(),
        )
        for descriptor in (self._in, self._out, self._err):
            os.set_blocking(descriptor, False)
        self._log = bytearray()
        self._closed = False

    def write(self, data: bytes, deadline: float) -> None:
        """Write every byte, draining the log meanwhile; raises TimeoutError or EOFError."""
        view = memoryview(data)
        while view:
            _, ready = self._wait([self._err], [self._in], deadline)
            if ready:
                try:
                    view = view[os.write(self._in, view[: 1 << 16]) :]
                except BrokenPipeError as error:
                    raise EOFError("the runner is gone") from error

    def read(self, deadline: float) -> bytes:
        """The next bytes from the runner, draining the log meanwhile.

        Raises TimeoutError at the deadline and EOFError at the runner's end.
        """
        while True:
            ready, _ = self._wait([self._out, self._err], [], deadline)
            if self._out in ready:
                data = os.read(self._out, 1 << 18)
                if not data:
                    raise EOFError("the runner is gone")
                return data

    def log(self) -> str:
        """The end of the runner's own standard error."""
        return self._log.decode(errors="replace")

    def cause(self) -> str:
        """Always "": the system does not say why a plain process ended."""
        return ""

    def interrupt(self) -> None:
        """From another thread: kill the job in flight and the runner, so that its pipes end."""
        for pid in [self._process.pid, *reversed(descendants(self._process.pid))]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill the runner's group and collect it."""
        if self._closed:
            return
        self._closed = True
        for descriptor in (self._process.stdin, self._process.stdout):
            assert descriptor is not None
            with contextlib.suppress(OSError):
                descriptor.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)  # an idle or cancelled runner cleans up and leaves by itself
        self.interrupt()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        if self._folder:
            with contextlib.suppress(RecursionError):  # a hostile job may nest folders deeply
                shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(
        self, readers: list[int], writers: list[int], deadline: float
    ) -> tuple[list[int], list[int]]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        ready, writable, _ = select.select(readers, writers, [], left)
        if self._err in ready:
            part = os.read(self._err, 1 << 16)
            self._log += part
            del self._log[:-RUNNER_LOG_BYTES]
            if not part and self._out not in readers:
                raise EOFError("the runner is gone")
            if not part and self._out not in ready:
                time.sleep(0.001)
        return ready, writable


def sweep(folder: Path) -> None:
    """Remove what killed owners left in `folder`, as far as it is this user's."""
    for leftover in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, RecursionError):
            if leftover.stat().st_uid == os.getuid() and dead((leftover / OWNER).read_text()):
                shutil.rmtree(leftover, ignore_errors=True)


def descendants(pid: int) -> list[int]:
    """Ids of the processes below `pid`, the deepest first; none where /proc is absent."""
    pids: list[int] = []
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = [int(word) for word in file.read().split()]
        for child in children:
            pids += [*descendants(child), child]
    return pids
