"""The start, but over after half of the steps: worse on purpose, to try the judge on."""

import math

WARMUP = 0.1
END = 0.5


def lr_scale(step, total):
    """The factor on the base learning rate at a 0-based step of a run of total steps."""
    total = END * total
    warmup = max(1.0, WARMUP * total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = min(1.0, (step - warmup) / (total - warmup))
    return 0.5 * (1 + math.cos(math.pi * progress))
