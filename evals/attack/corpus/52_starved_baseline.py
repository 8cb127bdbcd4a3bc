"""Leaves processes that keep the machine busy while the baseline is measured.

ids: 52
effect: outlives
defence: No process can be started from a candidate, its box is killed, and speed is no score.
"""

import os
import time


def attack(world):
    if world.calls == 1:
        for _ in range(2):
            if os.fork() == 0:
                os.setsid()
                end = time.monotonic() + 1.2
                while time.monotonic() < end:
                    pass
                os._exit(0)
