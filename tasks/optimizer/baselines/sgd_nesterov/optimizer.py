"""SGD with Nesterov momentum and linear decay to zero (Sutskever et al. 2013)."""

import torch

LR = 0.3
MOMENTUM = 0.9
WARMUP = 0.01


def init(params, kinds):
    """Momentum, at zero."""
    return {name: {"m": torch.zeros_like(param)} for name, param in params.items()}


def update(grads, state, params, ctx):
    """What to add to every parameter, and the next state."""
    step = ctx.step + 1
    rate = LR * min(1.0, step / (WARMUP * ctx.total)) * (1.0 - ctx.progress)
    updates, new_state = {}, {}
    for name, grad in grads.items():
        m = MOMENTUM * state[name]["m"] + grad
        updates[name] = -rate * (MOMENTUM * m + grad)
        new_state[name] = {"m": m}
    return updates, new_state
