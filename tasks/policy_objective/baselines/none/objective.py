"""The plain importance-weighted policy gradient: nothing holds the policy near the old one."""

ENTROPY = 0.01


def objective(log_ratio, adv, logp_old, entropy, ctx):
    """How good each action's new probability is; the trainer maximises the mean over the batch."""
    return log_ratio.exp() * adv + ENTROPY * entropy
