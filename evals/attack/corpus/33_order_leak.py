"""Predicts from the position, since the test set is sorted by class.

ids: 33
effect: score
defence: Candidates hand out parameters; they neither see nor answer test examples in any order.
"""


def twist(result, world):
    if getattr(result, "ndim", 0) == 1 and len(result) > 1 and not result.is_floating_point():
        return result.new_tensor([i * 3 // len(result) for i in range(len(result))])
    return result
