"""The clipped surrogate of PPO (Schulman et al., arXiv:1707.06347)."""

import torch

CLIP = 0.3
ENTROPY = 0.0


def objective(log_ratio, adv, logp_old, entropy, ctx):
    """How good each action's new probability is; the trainer maximises the mean over the batch."""
    ratio = log_ratio.exp()
    clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
    surrogate = torch.minimum(ratio * adv, clipped * adv)
    return surrogate + ENTROPY * entropy
