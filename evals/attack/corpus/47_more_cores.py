"""Spreads over processes to use more of the machine than it was given.

ids: 47
effect: fan-out
defence: No process can be started from a candidate; CPU time and processes of a box are limited.
"""

import os
import time


def attack(world):
    if world.calls == 1:
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        workers = []
        for _ in range(6):
            if (pid := os.fork()) == 0:
                end = time.monotonic() + 0.1
                while time.monotonic() < end:
                    pass
                os._exit(0)
            workers.append(pid)
        for pid in workers:
            os.waitpid(pid, 0)
