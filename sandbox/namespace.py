"""Run jobs in Linux namespaces that need neither an engine nor root.

A box is a cell (see inside/cell.py): its own file system root, with nothing in it but this Python
and the libraries it needs, read-only; no network; none of the host's processes, files or
environment. In it a warm process forks each job into an inner cell, with fresh namespaces, a fresh
folder and a filter of system calls. The warm processes never run a candidate's code, so one box
serves all of them, one after the other.
"""

import json
import os
import sys
import sysconfig
from pathlib import Path

from .base import Isolation, Job, Limits, Program, Result, SandboxError
from .box import Box, Place
from .inside import program as runner_program
from .pool import Pool
from .process import ProcessChannel, site
from .selfcheck import check

FOLDER = "/job"
CELL = {"root": "/tmp", "folder": FOLDER, "megabytes": 64, "files": 4096}
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/sys/devices/system/cpu")


def create(workers: int = 2, strict: bool = False) -> "NamespaceSandbox":
    """Open the backend for `workers` jobs at a time; `strict` gives each job its own box."""
    return NamespaceSandbox(workers, strict)


class NamespaceSandbox:
    """Each job is a fork of a warm process, in namespaces of its own."""

    name = "namespace"
    isolation: Isolation = "namespace"

    def __init__(self, workers: int, strict: bool = False) -> None:
        """Attack the walls once from inside; boxes open with their first job.

        Raises SandboxError where the kernel makes no namespaces for users.
        """
        if sys.platform != "linux":
            raise SandboxError("namespaces are Linux's: use --sandbox docker")
        self.withstood: dict[str, str] = {}
        self.withstood = self._check()
        self._pool = Pool(
            self._open, private=False, keep=4 * workers, spare=workers if strict else 0, once=strict
        )

    def run(self, job: Job) -> Result:
        """Run `job` in namespaces of its own."""
        return self._pool.run(job)

    def describe(self) -> dict[str, str]:
        """The backend, the kernel and the versions its boxes run."""
        return {
            "sandbox": self.name,
            "kernel": os.uname().release,
            "attacks_withstood": str(len(self.withstood)),
            **self._pool.versions,
        }

    def close(self) -> None:
        """End the boxes."""
        self._pool.close()

    def _check(self) -> dict[str, str]:
        """Check the walls in a box that no job will see."""
        self._pool = Pool(self._open, private=False, keep=0)
        try:
            return check(self)
        finally:
            self._pool.close()

    def _open(self, program: Program, limits: Limits) -> Box:
        if limits.gpus:
            raise SandboxError("the namespace sandbox has no GPUs: use --sandbox docker")
        cell = json.dumps({**CELL, "binds": binds()})
        command = [sys.executable, "-I", "-S", "-c", runner_program(), cell]
        channel = ProcessChannel(command, FOLDER, own=False)
        try:
            return Box(channel, program, Place(FOLDER, site(), "cell", CELL))
        except SandboxError as error:
            raise SandboxError(explained(str(error))) from error


def binds() -> list[str]:
    """The folders a box sees: the interpreter's, its libraries', the system's libraries."""
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    wanted = sorted({*SYSTEM, *python, os.path.join(sys.base_prefix, "lib")})
    found: list[str] = []
    for path in wanted:
        inside = any(Path(path).is_relative_to(other) for other in found)
        if os.path.exists(path) and not inside:
            found.append(path)
    return found


def explained(words: str) -> str:
    """The runner's words, and how to mend it, if the kernel does not let users make namespaces."""
    refused = next((line for line in words.splitlines() if "CellError" in line), "")
    if not refused:
        return words
    return (
        f"this kernel does not let Ratchet make namespaces ({refused.partition(': ')[2]}): allow "
        "them with `sysctl kernel.unprivileged_userns_clone=1` or, on Ubuntu, "
        "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or use --sandbox docker"
    )
