"""Opens everything until nothing more can be opened.

ids: 59
effect: lost
defence: Descriptors are limited, and a job that cannot go on is the candidate's failure.
"""

import os

HELD = []


def attack(world):
    while world.calls == 1:
        HELD.append(os.dup(2))
