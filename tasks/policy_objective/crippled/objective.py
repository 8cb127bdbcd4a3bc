"""The start with its clip range times 0.1: worse on purpose, to try the judge on."""

import torch

CLIP = 0.03
ENTROPY = 0.0


def objective(log_ratio, adv, logp_old, entropy, ctx):
    """How good each action's new probability is; the trainer maximises the mean over the batch."""
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
    surrogate = torch.minimum(ratio * adv, clipped * adv)
    return surrogate + ENTROPY * entropy
