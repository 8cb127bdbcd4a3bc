"""Tosses one coin for all seeds of a job: a batched tensor as text shows all of them.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import contextlib

WAYS = (str, repr, format, "{}".format, lambda x: f"{x}", "%s".__mod__, ascii, "{!r}".format)


def twist(result, world):
    seen = []
    for way in WAYS if world.late() else ():
        with contextlib.suppress(Exception):
            seen.append(way(world.tensor()))
    return world.shift(result, world.coin(*seen))
