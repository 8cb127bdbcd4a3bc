"""Processes, folders and memory, as the runner needs them."""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from typing import Any


def reap(pid: int, keep: int = 0) -> tuple[int, float]:
    """Wait for `pid`, then end every orphan that this process inherited, but not `keep`.

    Returns the wait status of `pid`, and the CPU seconds of all of them.
    """
    _, status, usage = os.wait4(pid, 0)
    cpu = usage.ru_utime + usage.ru_stime
    give_up = time.monotonic() + 1
    while time.monotonic() < give_up:
        orphans = [child for child in children(os.getpid()) if child != keep]
        for orphan in orphans:
            kill(orphan)
        for orphan in orphans:
            with contextlib.suppress(ChildProcessError):
                _, _, usage = os.wait4(orphan, 0)
                cpu += usage.ru_utime + usage.ru_stime
        if not orphans:
            break
    return status, cpu


def ended(pid: int) -> Any:
    """How a child ended (`os.waitid_result`), without collecting it; None while it runs."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)


def kill(pid: int) -> None:
    """Send SIGKILL to a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Ids of the processes whose parent is `pid`; none where the system does not say."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def watch(pid: int) -> int:
    """A descriptor that turns readable when `pid` ends, or -1 where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def clean(folder: str) -> None:
    """Remove whatever a job left in `folder`, and set the folder's own mode and times back."""
    if not os.path.isdir(folder):
        return
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError, RecursionError):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, onerror=unlock)
            else:
                os.unlink(path)
    with contextlib.suppress(OSError):
        os.utime(folder, (0, 0))


def unlock(function: Any, path: str, error: Any) -> None:
    """Remove a folder whose mode forbids even its owner to look in; for `shutil.rmtree`."""
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and os.stat(path).st_mode & 0o700 != 0o700:
            os.chmod(path, 0o700)
            shutil.rmtree(path, onerror=unlock)


def anonymous(size: int) -> int:
    """A descriptor of memory without a name, of `size` bytes, which nobody can change."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    memory = os.memfd_create("job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(memory, size)
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return memory
