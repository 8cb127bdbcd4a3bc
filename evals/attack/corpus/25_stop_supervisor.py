"""Stops the process that watches it.

ids: 25
effect: stall
defence: A candidate cannot signal its watcher, and the host's own deadline needs no one's help.
"""

import os
import resource
import signal


def attack(world):
    if world.calls == 1:
        resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))
        os.kill(os.getppid(), signal.SIGSTOP)
