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
from .box import WORK_FILES, WORK_MB, Box, Place
from .inside import program as runner_program
from .inside.cell import STRANGER
from .pool import Pool
from .process import ProcessChannel, site
from .selfcheck import MAKES_CELLS, Breached, check

FOLDER = "/job"
CELL = {"root": "/tmp", "folder": FOLDER, "megabytes": WORK_MB, "files": WORK_FILES}
CELL_ERROR = "CellError"
# Attacks that succeed from a box that root runs under its own user id. They are not made from such
# a box, and always from the place of a candidate.
ROOT_OWNS = ("settings", "neighbours")
SETGID, SETUID, SYS_ADMIN = 6, 7, 21  # capabilities
MENDS = (
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "allow them with `sysctl kernel.unprivileged_userns_clone=1`",
    ),
    (
        "/proc/sys/user/max_user_namespaces",
        "0",
        "allow them with `sysctl user.max_user_namespaces=15000`",
    ),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "allow them with `sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
    ),
)
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
        self.privileged = False
        self.withstood = self._check()
        self._pool = Pool(
            self._open, private=False, keep=4 * workers, spare=workers if strict else 1, once=strict
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
        """Check the walls in a box that no job will see; the first way to make one is kept."""
        refused: list[str] = []
        for self.privileged in ways():
            owned = ROOT_OWNS if not self.privileged and os.getuid() == 0 else ()
            self._pool = Pool(self._open, private=False, keep=0)
            try:
                return check(self, (*MAKES_CELLS, *owned))
            except Breached:
                raise
            except SandboxError as error:
                if CELL_ERROR not in str(error):
                    raise
                refused.append(refusal(str(error)))
            finally:
                self._pool.close()
        raise SandboxError(
            f"this kernel does not let Ratchet make namespaces ({'; '.join(refused)}): "
            f"{mend()}, or use --sandbox docker"
        )

    def _open(self, program: Program, limits: Limits) -> Box:
        if limits.gpus:
            raise SandboxError("the namespace sandbox has no GPUs: use --sandbox docker")
        cell = json.dumps({**CELL, "binds": binds(), "privileged": self.privileged})
        command = [sys.executable, "-I", "-S", "-c", runner_program(), cell]
        channel = ProcessChannel(command, FOLDER, own=False)
        return Box(channel, program, Place(FOLDER, site(), "cell", CELL))


def binds() -> list[str]:
    """The folders a box sees: the interpreter's, its libraries', the system's libraries."""
    python = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders: list[str] = []
    for path in sorted({*SYSTEM, *python, os.path.join(sys.base_prefix, "lib")}):
        inside = any(Path(path).is_relative_to(folder) for folder in folders)
        if os.path.exists(path) and not inside:
            folders.append(path)
    return folders


def ways() -> list[bool]:
    """Whether to try a cell with privileges (True) or without (False), in order.

    Mounting without a user namespace takes CAP_SYS_ADMIN in effect, and a second user id to take.
    Being root is not enough for either, since containers withhold both from it.
    """
    with open("/proc/self/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    capabilities = int(status["CapEff"], 16)
    privileged = all(capabilities >> bit & 1 for bit in (SETGID, SETUID, SYS_ADMIN))
    mapped = all(maps(kind, STRANGER) for kind in ("uid_map", "gid_map"))
    return [True, False] if mapped and privileged else [False]


def maps(kind: str, identity: int) -> bool:
    """Whether an id exists in the user namespace of this process; `kind` is uid_map or gid_map."""
    with open(f"/proc/self/{kind}") as file:
        ranges = [[int(word) for word in line.split()] for line in file]
    return any(first <= identity < first + count for first, _, count in ranges)


def refusal(output: str) -> str:
    """The step that the kernel refused, from the output of a runner that did not come up."""
    line = next(line for line in output.splitlines() if CELL_ERROR in line)
    return line.partition(f"{CELL_ERROR}: ")[2] or line


def mend() -> str:
    """How this machine can be changed so that it allows namespaces."""
    for path, bad, change in MENDS:
        try:
            if Path(path).read_text().strip() == bad:
                return change
        except OSError:
            continue
    status = Path("/proc/self/status").read_text()
    if "\nSeccomp:\t2" in status:
        return (
            "something filters the system calls of this process, as container engines do: start "
            "its container with `--security-opt seccomp=unconfined --security-opt "
            "apparmor=unconfined --security-opt systempaths=unconfined`"
        )
    return (
        "run it as a user who may make user namespaces, or grant CAP_SYS_ADMIN, CAP_SETUID and "
        "CAP_SETGID (`docker run --cap-add SYS_ADMIN`)"
    )
