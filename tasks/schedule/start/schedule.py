"""Cosine decay to zero (Loshchilov and Hutter, arXiv:1608.03983) after a short linear warmup."""

import math

WARMUP = 0.1


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    warmup = max(1.0, WARMUP * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / (total - warmup)
    return 0.5 * (1 + math.cos(math.pi * progress))
