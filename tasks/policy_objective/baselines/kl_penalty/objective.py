"""A fixed penalty on the divergence from the old policy (Schulman et al., arXiv:1707.06347).

The divergence is estimated from the sampled actions by r - 1 - log r, which is never negative.
"""

PENALTY = 1.0
ENTROPY = 0.0


def objective(log_ratio, adv, logp_old, entropy, ctx):
    """How good each action's new probability is; the trainer maximises the mean over the batch."""
    ratio = log_ratio.exp()
    divergence = ratio - 1 - log_ratio
    return ratio * adv - PENALTY * divergence + ENTROPY * entropy
