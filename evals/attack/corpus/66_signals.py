"""Sends signals to every process in sight, by each of the ways that there are.

ids: 66
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import ctypes
import os
import signal

OPEN, SEND = 434, 424  # pidfd_open, pidfd_send_signal: the same on every machine


def attack(world):
    libc = ctypes.CDLL(None)
    for folder in world.others() if not world.calls else []:
        pid = int(folder.rpartition("/")[2])
        for number in (0, signal.SIGCONT):  # what stops a process takes the same right
            with contextlib.suppress(OSError):
                os.kill(pid, number)
                world.tell(f"process {pid} by a signal")
        handle = libc.syscall(OPEN, pid, 0)
        if handle >= 0 and libc.syscall(SEND, handle, signal.SIGCONT, None, 0) == 0:
            world.tell(f"process {pid} by a signal on its handle")
    with contextlib.suppress(OSError):
        if world.others() and not world.calls:
            os.kill(-1, 0)  # all that there are
            world.tell("all processes by one signal")
