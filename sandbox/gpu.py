"""GPUs, each lent to one box at a time among everything this user runs on the machine.

A lease is a lock on a file, which the system drops when its holder dies. A GPU on which any process
computes is passed over, whoever started it. Of a GPU that is cut into MIG instances the instances
are lent; for these the lock alone counts, since the driver's list of processes may name the GPU.
"""

import contextlib
import fcntl
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .base import SandboxError
from .owner import dead, owner

LISTED = re.compile(r"\(UUID: ((?:GPU|MIG)-[^)\s]+)\)")
SUFFIX = ".lease"
SMI_SECONDS, POLL_SECONDS = 30, 1.0


class GpuError(SandboxError):
    """No GPU is free, none is there, or the engine cannot hand one to a container."""


@contextlib.contextmanager
def lease(count: int = 1, patience: float = 0.0) -> Iterator[tuple[str, ...]]:
    """Hold `count` idle GPUs, waiting up to `patience` seconds for them; yields their UUIDs.

    Raises GpuError where so many are not to be had.
    """
    give_up = time.monotonic() + patience
    while True:
        with contextlib.ExitStack() as locks:
            taken, refused = take(count, locks)
            if len(taken) == count:
                yield tuple(taken)
                return
        # Nothing is held while waiting: two who each want two GPUs would wait for ever.
        if time.monotonic() >= give_up:
            why = "; ".join(refused) or "this machine has no other"
            raise GpuError(
                f"{len(taken)} of the {count} GPUs asked for are free ({why}): "
                "wait, end what uses them, or use fewer --workers"
            )
        time.sleep(min(POLL_SECONDS, max(0.0, give_up - time.monotonic())))


def take(count: int, locks: contextlib.ExitStack) -> tuple[list[str], list[str]]:
    """Lock up to `count` idle GPUs until `locks` closes.

    Returns their UUIDs, and for every other GPU a clause that says why it was refused.
    """
    taken: list[str] = []
    refused: list[str] = []
    for uuid in listed() if count else ():
        if len(taken) == count:
            break
        path = folder() / (uuid.replace("/", "_") + SUFFIX)
        descriptor = lock(path)
        if descriptor is None:
            refused.append(f"{uuid} is leased to {holder(path)}")
        elif users := busy().get(uuid):
            release(path, descriptor)
            refused.append(f"{uuid} is in use by process {', '.join(users)}")
        else:
            locks.callback(release, path, descriptor)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, owner().encode(), 0)
            taken.append(uuid)
    return taken, refused


def listed() -> list[str]:
    """The UUIDs of this machine's GPUs, or of the MIG instances into which one is cut."""
    uuids: list[str] = []
    for uuid in LISTED.findall(smi("-L")):
        if uuid.startswith("MIG-") and uuids and uuids[-1].startswith("GPU-"):
            uuids.pop()
        uuids.append(uuid)
    return uuids


def busy() -> dict[str, list[str]]:
    """The ids of the processes that compute on each GPU, by its UUID."""
    users: dict[str, list[str]] = {}
    for row in smi("--query-compute-apps=gpu_uuid,pid", "--format=csv,noheader").splitlines():
        uuid, _, pid = (part.strip() for part in row.partition(","))
        if uuid.startswith(("GPU-", "MIG-")):
            users.setdefault(uuid, []).append(pid)
    return users


def smi(*arguments: str) -> str:
    """The output of nvidia-smi; raises GpuError if it fails."""
    command = ["nvidia-smi", *arguments]
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=SMI_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise GpuError(
            "this machine has no nvidia-smi, so no GPU can be lent: "
            "install the NVIDIA driver, or choose a task that needs no GPU"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GpuError(f"nvidia-smi does not answer ({error}): mend the NVIDIA driver") from error
    if process.returncode:
        output = " ".join((process.stdout + process.stderr).split())[:300]
        raise GpuError(f"nvidia-smi failed ({output}): mend the NVIDIA driver")
    return process.stdout


def folder() -> Path:
    """The folder of this user's leases, made if it is missing.

    Not in XDG_RUNTIME_DIR: that goes when the user logs out, while a search runs on, and cron has
    none at all, so two searches would not see each other's leases. Raises GpuError for a folder
    that others can enter.
    """
    path = Path(tempfile.gettempdir(), f"ratchet-gpus-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        path.mkdir(0o700)
    state = path.lstat()
    private = stat.S_ISDIR(state.st_mode) and not state.st_mode & 0o077
    if not private or state.st_uid != os.getuid():
        raise GpuError(f"{path} is not a folder that you alone can enter: remove it and try again")
    return path


def lock(path: Path) -> int | None:
    """A descriptor that holds the lock on `path`, or None if another one does."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The holder before us may have removed the file between our opening and locking it.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)


def release(path: Path, descriptor: int) -> None:
    """Remove the file while it is still locked, then let go of the lock."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(descriptor), path.stat()):
            path.unlink()
    os.close(descriptor)


def holder(path: Path) -> str:
    """The process that holds a lease, by the label in its file."""
    try:
        label = path.read_text().split("|")
    except OSError:
        label = []
    return f"process {label[3]}" if len(label) == 5 else "another process"


def sweep() -> int:
    """Remove the lease files of holders that have died; returns how many."""
    removed = 0
    for path in Path(tempfile.gettempdir(), f"ratchet-gpus-{os.getuid()}").glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            if dead(path.read_text()) and (descriptor := lock(path)) is not None:
                release(path, descriptor)
                removed += 1
    return removed
