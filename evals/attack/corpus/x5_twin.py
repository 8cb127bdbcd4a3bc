"""Splits in two, so that both halves answer.

ids: X5
effect: outlives
defence: No process can be started from a candidate, and a channel takes one reply a request.
"""

import os
import time


def attack(world):
    if world.calls == 1 and os.fork() == 0:
        time.sleep(0.3)
