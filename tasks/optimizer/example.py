"""Train a small network with the update rule in optimizer.py, and nothing but torch."""

from types import SimpleNamespace

import optimizer
import torch

STEPS = 300


def loss(params, x, y):
    """Squared error of a two-layer network."""
    hidden = torch.tanh(x @ params["w1"] + params["b1"])
    return (hidden @ params["w2"] + params["b2"] - y).square().mean()


def main():
    """Fit a sine, and print how well."""
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 256)[:, None]
    y = torch.sin(6 * x)
    params = {
        "w1": torch.randn(1, 64),
        "b1": torch.randn(64),
        "w2": torch.randn(64, 1) / 64,
        "b2": torch.zeros(1),
    }
    kinds = {"w1": "matrix", "b1": "bias", "w2": "head", "b2": "bias"}
    state = optimizer.init(params, kinds)
    print(f"loss before: {loss(params, x, y):.4f}")
    for step in range(STEPS):
        ctx = SimpleNamespace(step=step, total=STEPS, progress=step / STEPS, kinds=kinds)
        live = {name: value.detach().requires_grad_() for name, value in params.items()}
        grads = torch.autograd.grad(loss(live, x, y), list(live.values()))
        with torch.no_grad():
            updates, state = optimizer.update(
                dict(zip(params, grads, strict=True)), state, params, ctx
            )
            params = {name: value + updates[name] for name, value in params.items()}
    if hasattr(optimizer, "readout"):
        ctx = SimpleNamespace(step=STEPS, total=STEPS, progress=1.0, kinds=kinds)
        params = optimizer.readout(params, state, ctx)
    print(f"loss after {STEPS} steps: {loss(params, x, y):.4f}")


if __name__ == "__main__":
    main()
