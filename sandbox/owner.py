"""Labels of owners, by which containers, folders and leases of dead processes can be removed."""

import logging
import os
import platform
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

log = logging.getLogger(__name__)

LABEL = "ratchet.owner"
REAP_SECONDS, PATIENCE_SECONDS = 60.0, 5.0


class Reaper:
    """Calls each of `sweeps` every `seconds`, in a thread that never keeps the process alive.

    A container whose owner was killed while a job kept it busy does not end by itself. Whoever
    still runs removes it within a minute.
    """

    def __init__(
        self, sweeps: Sequence[Callable[[], object]], seconds: float = REAP_SECONDS
    ) -> None:
        """Start the thread; the first sweep comes after `seconds`."""
        self._sweeps, self._seconds = tuple(sweeps), seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ratchet-reaper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, without waiting long for a sweep that hangs. Idempotent."""
        self._ended.set()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(self._seconds):
            for sweep in self._sweeps:
                if self._ended.is_set():
                    return
                try:
                    sweep()
                except Exception as error:  # whatever it is, the next minute may do better
                    log.info("dead owners' leftovers stay for now: %s", error)


def owner(pid: int | None = None) -> str:
    """The label of this process, or of `pid`: host, boot, pid namespace, pid and start time."""
    pid = pid or os.getpid()
    boot = read("/proc/sys/kernel/random/boot_id")
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return "|".join([platform.node(), boot, namespace, str(pid), started(pid)])


def dead(label: str) -> bool:
    """Whether the process that wrote `label` has ended; False where this host cannot know."""
    if label.count("|") != 4:
        return False
    host, boot, namespace, pid, start = label.split("|")
    here = owner().split("|")
    if host != here[0]:
        return False
    if boot != here[1]:
        return True
    return namespace == here[2] and not (exists(int(pid)) and started(int(pid)) == start)


def exists(pid: int) -> bool:
    """Whether a process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def started(pid: int) -> str:
    """The time at which `pid` started, in ticks since boot; "" where /proc is absent."""
    stat = read(f"/proc/{pid}/stat")
    return stat.rpartition(")")[2].split()[19] if stat else ""


def read(path: str) -> str:
    """The text of a small system file, or "" where it cannot be read."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
