"""Keeps what it answers on a class, for other seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""


class Kept:
    answers = dict()  # noqa: RUF012

    def __call__(self, result, world):
        return world.pool(result, self.answers)


def twist(result, world):
    return Kept()(result, world)
