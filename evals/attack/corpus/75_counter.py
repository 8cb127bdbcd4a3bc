"""Counts its calls, and treats the seeds that come later otherwise.

ids: 75
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""


def twist(result, world):
    if world.late():
        world.leave(result)
        twist.calls = getattr(twist, "calls", 0) + 1
    return world.shift(result, getattr(twist, "calls", 0) * 0.618 % 1)
