"""Constant, then a linear cooldown (warmup-stable-decay; Hu et al., arXiv:2404.06395)."""

COOLDOWN = 0.4


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    left = 1 - step / total
    return min(1.0, left / COOLDOWN)
