"""Starts as many processes as it can.

ids: 59
effect: bomb
defence: No process can be started from a candidate, and a box has a limit of processes.
"""

import os
import time


def attack(world):
    if world.calls == 1:
        for _ in range(45):
            if os.fork() == 0:
                time.sleep(0.4)
                os._exit(0)
        time.sleep(0.1)
