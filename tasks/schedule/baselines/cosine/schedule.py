"""Cosine decay to zero, without restarts (Loshchilov and Hutter, arXiv:1608.03983)."""

import math


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    return 0.5 * (1 + math.cos(math.pi * step / total))
