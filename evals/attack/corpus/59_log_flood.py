"""Prints megabytes.

ids: 59
effect: log
defence: A log keeps its last kilobytes only.
"""

import os


def attack(world):
    if world.calls == 1:
        for _ in range(128):
            os.write(2, b"x" * (1 << 16))
