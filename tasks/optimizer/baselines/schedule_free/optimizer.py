"""Schedule-free AdamW: averaging takes the place of a decaying schedule (Defazio et al. 2024).

Gradients are taken at a point between the fast sequence `z` and its average `x`; `x` is evaluated.
"""

import torch

LR = 0.04
BETA1 = 0.8
BETA2 = 0.7
EPSILON = 1e-8
WEIGHT_DECAY = 0.01
WARMUP = 0.05


def init(params, kinds):
    """Both sequences start at the parameters."""
    state = {}
    for name, param in params.items():
        state[name] = {
            "z": param.clone(),
            "x": param.clone(),
            "v": torch.zeros_like(param),
            "weight": torch.zeros(()),
        }
    return state


def update(grads, state, params, ctx):
    """What to add to every parameter, and the next state."""
    step = ctx.step + 1
    rate = LR * min(1.0, step / (WARMUP * ctx.total))
    updates, new_state = {}, {}
    for name, grad in grads.items():
        v = BETA2 * state[name]["v"] + (1.0 - BETA2) * grad * grad
        v_hat = v / (1.0 - BETA2**step)
        direction = grad / (torch.sqrt(v_hat) + EPSILON)
        z = state[name]["z"] - rate * (direction + WEIGHT_DECAY * params[name])
        weight = state[name]["weight"] + rate * rate
        share = rate * rate / weight
        x = (1.0 - share) * state[name]["x"] + share * z
        between = BETA1 * x + (1.0 - BETA1) * z
        updates[name] = between - params[name]
        new_state[name] = {"z": z, "x": x, "v": v, "weight": weight}
    return updates, new_state


def readout(params, state, ctx):
    """The average."""
    return {name: state[name]["x"] for name in params}
