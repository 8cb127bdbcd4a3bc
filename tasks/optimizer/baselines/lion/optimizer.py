"""Lion: the sign of an interpolated momentum, with linear decay to zero (Chen et al. 2023)."""

import torch

LR = 0.018
BETA1 = 0.6
BETA2 = 0.8
WEIGHT_DECAY = 0.01
WARMUP = 0.05


def init(params, kinds):
    """Momentum, at zero."""
    return {name: {"m": torch.zeros_like(param)} for name, param in params.items()}


def update(grads, state, params, ctx):
    """What to add to every parameter, and the next state."""
    step = ctx.step + 1
    rate = LR * min(1.0, step / (WARMUP * ctx.total)) * (1.0 - ctx.progress)
    updates, new_state = {}, {}
    for name, grad in grads.items():
        m = state[name]["m"]
        direction = torch.sign(BETA1 * m + (1.0 - BETA1) * grad)
        updates[name] = -rate * (direction + WEIGHT_DECAY * params[name])
        new_state[name] = {"m": BETA2 * m + (1.0 - BETA2) * grad}
    return updates, new_state
