"""Makes the score not a number, which no comparison can refuse.

ids: 11, C7
effect: nonfinite
defence: A score that is not finite is no score: the seed counts as failed.
"""


def twist(result, world):
    if getattr(result, "ndim", 0) == 1 and not result.is_floating_point():
        return result.new_zeros((0, len(result)))  # the mean of nothing
    return world.leaves(lambda number: number * float("nan"), result)
