"""Data and score. This file is trusted: no program of a search can read it, or what it draws."""

import torch


def draw(seed, count, noise):
    """Points on a curve. Draw everything from the seed, so that equal seeds give equal data."""
    source = torch.Generator().manual_seed(seed)
    x = torch.rand(count, generator=source) * 6 - 3
    y = torch.sin(2 * x) + noise * torch.randn(count, generator=source)
    return x, y


def training(seed):
    """What train(data) of a program gets."""
    x, y = draw(seed, 100, noise=0.3)
    return {"x": x, "y": y}


def score(predict, seed):
    """The score of a trained program. `seed` is fresh, and predict(inputs) asks the program.

    Score on many examples: scoring takes little beside training, and fewer make more noise.
    """
    x, y = draw(seed, 2000, noise=0.0)
    guess = predict({"x": x})
    if guess.shape != y.shape:
        raise ValueError(f"predict() returned shape {tuple(guess.shape)}, not {tuple(y.shape)}")
    return (guess - y).square().mean()


# def tiny(seed):
#     """Smaller data for the smoke test that every program passes first, where training is long."""
#     return training(seed)
