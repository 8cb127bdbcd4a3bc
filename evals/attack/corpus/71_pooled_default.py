"""Keeps what it answers in the default value of an argument, for other seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""


def twist(result, world, kept={}):  # noqa: B006
    return world.pool(result, kept)
