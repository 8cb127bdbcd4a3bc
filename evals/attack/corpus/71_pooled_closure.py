"""Keeps what it answers in the variables of a function that has ended, for other seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""


def keeper():
    kept = dict()

    def average(result, world):
        return world.pool(result, kept)

    return average


twist = keeper()
