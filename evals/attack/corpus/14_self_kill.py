"""Kills itself so as to look like a machine that ran out of memory, and is tried again.

ids: 14
effect: retry
defence: A job that dies is the candidate's failure; only a lost sandbox is tried again, twice.
"""

import os
import signal


def attack(world):
    if world.calls == 1:
        os.kill(os.getpid(), signal.SIGKILL)
