"""PPO with a wider upper clip (DAPO, Yu et al., arXiv:2503.14476)."""

import torch

CLIP_LOW = 0.2
CLIP_HIGH = 0.28
ENTROPY = 0.01


def objective(log_ratio, adv, logp_old, entropy, ctx):
    """How good each action's new probability is; the trainer maximises the mean over the batch."""
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - CLIP_LOW, 1 + CLIP_HIGH)
    surrogate = torch.minimum(ratio * adv, clipped * adv)
    return surrogate + ENTROPY * entropy
