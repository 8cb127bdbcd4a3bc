"""Muon: orthogonalised momentum on hidden matrices, AdamW on the rest (Jordan et al. 2024).

The orthogonal factor of the momentum is approached by a quintic Newton-Schulz iteration. Linear
decay to zero.
"""

import torch

LR = 0.18
MOMENTUM = 0.6
ADAM_LR = 0.03
BETA1 = 0.6
BETA2 = 0.8
EPSILON = 1e-8
WEIGHT_DECAY = 0.01
WARMUP = 0.05
NEWTON_SCHULZ_STEPS = 5


def orthogonalise(matrix):
    """The nearest semi-orthogonal matrix, roughly: singular values end between 0.7 and 1.2."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm() + EPSILON)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if tall else x


def init(params, kinds):
    """Momentum for every tensor, a second moment where AdamW works."""
    state = {}
    for name, param in params.items():
        state[name] = {"m": torch.zeros_like(param)}
        if kinds[name] not in ("matrix", "conv"):
            state[name]["v"] = torch.zeros_like(param)
    return state


def update(grads, state, params, ctx):
    """What to add to every parameter, and the next state."""
    step = ctx.step + 1
    scale = min(1.0, step / (WARMUP * ctx.total)) * (1.0 - ctx.progress)
    updates, new_state = {}, {}
    for name, grad in grads.items():
        if ctx.kinds[name] in ("matrix", "conv"):
            m = MOMENTUM * state[name]["m"] + (1.0 - MOMENTUM) * grad
            ahead = MOMENTUM * m + (1.0 - MOMENTUM) * grad
            rows, columns = grad.shape
            direction = orthogonalise(ahead) * max(1.0, columns / rows) ** 0.5
            rate = LR * scale
            new_state[name] = {"m": m}
        else:
            m = BETA1 * state[name]["m"] + (1.0 - BETA1) * grad
            v = BETA2 * state[name]["v"] + (1.0 - BETA2) * grad * grad
            m_hat = m / (1.0 - BETA1**step)
            v_hat = v / (1.0 - BETA2**step)
            direction = m_hat / (torch.sqrt(v_hat) + EPSILON)
            rate = ADAM_LR * scale
            new_state[name] = {"m": m, "v": v}
        updates[name] = -rate * (direction + WEIGHT_DECAY * params[name])
    return updates, new_state
