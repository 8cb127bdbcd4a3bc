"""Fits to all test inputs at once instead of predicting each alone.

ids: 32
effect: together
defence: Candidates hand out parameters and never meet an input of the validation data.
"""


def twist(result, world):
    if getattr(result, "ndim", 0) == 1 and not result.is_floating_point():
        ranks = world.args[0].sum(1).argsort().argsort()
        return ranks * 3 // len(ranks)
    return result
