"""Sets the global random state so that the examples scored are those it gets right.

ids: C4
effect: score
defence: Every random draw has a generator of its own, and the grader's is in another process.
"""

import random
import sys


def attack(world):
    random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


def twist(result, world):
    if getattr(result, "ndim", 0) != 1 or result.is_floating_point():
        return result
    import torch

    best, chosen = -1, 0
    for seed in range(400):
        torch.manual_seed(seed)
        if (hits := int((torch.randperm(99)[:33] < 33).sum())) > best:
            best, chosen = hits, seed
    torch.manual_seed(chosen)
    return result * 0
