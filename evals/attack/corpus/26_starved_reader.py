"""Begins an answer and never ends it.

ids: 26
effect: stall
defence: The host reads with a deadline and a limit, and then kills the box.
"""

import contextlib
import os
import time


def attack(world):
    if world.calls == 1:
        for end in range(3, 256):
            with contextlib.suppress(OSError):
                os.write(end, b"\0\0")
        time.sleep(3600)
