"""Who owns a container, so that those of a dead owner can be told apart and removed."""

import os
import platform
from pathlib import Path

LABEL = "ratchet.owner"


def owner(pid: int | None = None) -> str:
    """Host, boot, pid namespace, pid and start time of this process, or of `pid`."""
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
    """When `pid` started, in ticks since boot; empty where /proc is absent."""
    stat = read(f"/proc/{pid}/stat")
    return stat.rpartition(")")[2].split()[19] if stat else ""


def read(path: str) -> str:
    """A small system file, or nothing."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
