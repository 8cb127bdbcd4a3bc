"""The start with its learning rate times 0.3: worse on purpose, to try the judge on."""

import torch

LR = 0.009  # 0.03 is tuned
BETA1 = 0.6
BETA2 = 0.8
EPSILON = 1e-8
WEIGHT_DECAY = 0.01
WARMUP = 0.05


def init(params, kinds):
    """First and second moments, at zero."""
    state = {}
    for name, param in params.items():
        state[name] = {"m": torch.zeros_like(param), "v": torch.zeros_like(param)}
    return state


def update(grads, state, params, ctx):
    """What to add to every parameter, and the next state."""
    step = ctx.step + 1
    rate = LR * min(1.0, step / (WARMUP * ctx.total)) * (1.0 - ctx.progress)
    updates, new_state = {}, {}
    for name, grad in grads.items():
        m = BETA1 * state[name]["m"] + (1.0 - BETA1) * grad
        v = BETA2 * state[name]["v"] + (1.0 - BETA2) * grad * grad
        m_hat = m / (1.0 - BETA1**step)
        v_hat = v / (1.0 - BETA2**step)
        direction = m_hat / (torch.sqrt(v_hat) + EPSILON)
        updates[name] = -rate * (direction + WEIGHT_DECAY * params[name])
        new_state[name] = {"m": m, "v": v}
    return updates, new_state
