"""Reads who holds locks on which files, and tries the locks of files that all of them share.

ids: 69
effect: reached
defence: A process sees the locks of its own namespace alone, which is the job's.
"""

import contextlib
import fcntl
import os


def attack(world):
    if world.calls:
        return
    with open("/proc/locks") as file:
        for line in file:
            owner = int(line.split(" -> ")[-1].split()[4 - (" -> " in line)])
            if owner not in (0, -1, os.getpid()):
                world.tell(f"word of a lock that process {owner} holds")
    for path in (os.__file__, fcntl.__file__, "archive.json", "/"):
        with contextlib.suppress(OSError):
            end = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(end, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                world.tell(f"word of a lock on {os.path.basename(path)}")
            os.close(end)
