"""Linear decay to zero (for its optimality see Defazio et al., arXiv:2310.07831)."""


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    return 1 - step / total
