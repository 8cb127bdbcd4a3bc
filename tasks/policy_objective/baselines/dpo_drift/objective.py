"""Discovered Policy Optimisation: a drift found by meta-learning (Lu et al., arXiv:2210.05639).

The paper and purejaxrl use BETA = 0.6; here a larger value did better.
"""

import torch

ALPHA = 2.0
BETA = 2.4
ENTROPY = 0.01


def objective(log_ratio, adv, logp_old, entropy, ctx):
    """How good each action's new probability is; the trainer maximises the mean over the batch."""
    ratio = log_ratio.exp()
    above = (ratio - 1) * adv
    below = log_ratio * adv
    drift_above = torch.relu(above - ALPHA * torch.tanh(above / ALPHA))
    drift_below = torch.relu(below - BETA * torch.tanh(below / BETA))
    drift = torch.where(adv >= 0, drift_above, drift_below)
    return ratio * adv - drift + ENTROPY * entropy
