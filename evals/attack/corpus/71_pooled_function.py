"""Keeps what it answers on a function and in its cache, for other seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""

import functools


@functools.cache
def kept():
    return dict()


def twist(result, world):
    twist.kept = getattr(twist, "kept", kept())
    return world.pool(result, twist.kept)
