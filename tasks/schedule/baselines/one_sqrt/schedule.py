"""Constant, then a cooldown as one minus a square root (Haegele et al., arXiv:2405.18392)."""

import math

COOLDOWN = 0.2


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    done = 1 - (1 - step / total) / COOLDOWN
    return 1 - math.sqrt(max(0.0, done))
