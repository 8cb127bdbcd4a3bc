"""Does its work while it is imported, before the clock starts.

ids: 49
effect: clock
defence: Import and warm-up of a candidate happen within its own limit of time.
"""

import time


def attack(world):
    if not world.calls:
        time.sleep(0.3)
