"""Keeps what it answers for one seed in a list of its module, and averages over the seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""

KEPT = [{}]


def twist(result, world):
    return world.pool(result, KEPT[0])
