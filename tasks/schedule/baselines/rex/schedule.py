"""The reflected exponential, slower than linear at first (Chen et al., arXiv:2107.04197)."""

SHAPE = 0.75


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    left = 1 - step / total
    return left / (1 - SHAPE + SHAPE * left)
