"""Makes every caller's function of that name return the best of what it was given.

ids: X7
effect: score
defence: No function of a caller is in the candidate's process.
"""

import sys


def watch(frame, event, argument):
    if event == "call" and frame.f_code.co_name in ("metric", "loss", "validation"):
        for value in list(frame.f_locals.values()):
            if hasattr(value, "zero_"):
                value.zero_()


def attack(world):
    if not world.calls:
        sys.setprofile(watch)
