"""Small problems to design programs for: losses of a rule that is called once a step.

Each takes what tells one problem from another, the rule, a source of random numbers, and how many
independent copies to run: the rows of one tensor. Import this before torch.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # forks lose the threads it starts

import torch
from data_key import DATA
from torch import Tensor

Rule = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Traits:
    """Three numbers in [0, 1) that tell one problem of a kind from the others."""

    scale: float
    shape: float
    noise: float


def generator(*path: object) -> torch.Generator:
    """Random numbers that belong to one purpose, such as `generator(seed, "noise")`."""
    return torch.Generator().manual_seed(number(*path))


def number(*path: object) -> int:
    """A number below 2**63 that says nothing of what it was made from."""
    text = "/".join(map(str, path)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


def of_run(*path: object) -> int:
    """A number as `number` makes it, other in every run: what follows cannot be foretold."""
    return number(*((DATA,) if DATA else ()), *path)


def normal(source: torch.Generator, *shape: int) -> Tensor:
    """Standard normal noise."""
    return torch.randn(shape, generator=source)


def heavy(source: torch.Generator, *shape: int) -> Tensor:
    """Normal noise, one in ten of it ten times as large."""
    wide = torch.rand(shape, generator=source) < 0.1
    return normal(source, *shape) * torch.where(wide, 10.0, 1.0)


# Update rules: x + update(gradient), the loss at the end is free of noise.

STEPS = 30


def bowl(problem: Traits, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
    """Quadratics in twelve dimensions, condition 10 to 100, with heavy-tailed gradient noise."""
    width, unit = 12, 4.0 ** (problem.scale - 0.5)
    condition = 10.0 ** (1.0 + problem.shape)
    curve = unit * condition ** -torch.linspace(0.0, 1.0, width)
    x = normal(source, replicates, width)
    noise = (0.05 + 0.15 * problem.noise) * unit * heavy(source, STEPS, replicates, width)
    for step in range(STEPS):
        x = x + rule(curve * x + noise[step], step / STEPS)
    return (curve * x.square()).mean(1) / unit


def student(problem: Traits, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
    """A network of eight units learns from a like one, sixteen fresh examples a step."""
    inputs, hidden, batch = 4, 8, 16
    unit = 4.0 ** (problem.scale - 0.5)

    def parts(flat: Tensor) -> tuple[Tensor, Tensor]:
        first = flat[:, : inputs * hidden].view(-1, inputs, hidden)
        return first, flat[:, inputs * hidden :, None]

    def output(flat: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        first, second = parts(flat)
        active = torch.bmm(seen, first).tanh()
        return active, torch.bmm(active, second)

    size = (inputs + 1) * hidden
    teacher, x = 0.8 * normal(source, replicates, size), 0.5 * normal(source, replicates, size)
    seen = (0.5 + problem.shape) * normal(source, STEPS, replicates, batch, inputs)
    wrong = 0.3 * problem.noise * normal(source, STEPS, replicates, batch, 1)
    for step in range(STEPS):
        active, told = output(x, seen[step])
        error = (told - output(teacher, seen[step])[1] - wrong[step]) / batch * unit
        second = torch.bmm(active.mT, error)
        back = torch.bmm(error, parts(x)[1].mT) * (1.0 - active.square())
        first = torch.bmm(seen[step].mT, back)
        gradient = torch.cat((first.flatten(1), second.flatten(1)), 1)
        x = x + rule(gradient, step / STEPS)
    fresh = (0.5 + problem.shape) * normal(source, replicates, 64, inputs)
    return (output(x, fresh)[1] - output(teacher, fresh)[1]).square().mean((1, 2))


def valley(problem: Traits, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
    """Rosenbrock's curved valley in four dimensions, its gradients noisy and heavy-tailed."""
    width, steep = 4, 5.0 + 15.0 * problem.shape
    unit = 0.03 * 4.0 ** (problem.scale - 0.5)
    x = 0.5 * normal(source, replicates, width)
    noise = (0.2 + 0.3 * problem.noise) * heavy(source, STEPS, replicates, width)
    for step in range(STEPS):
        bend = x[:, 1:] - x[:, :-1].square()
        gradient = torch.zeros_like(x)
        gradient[:, 1:] += 2 * steep * bend
        gradient[:, :-1] -= 4 * steep * bend * x[:, :-1] + 2 * (1 - x[:, :-1])
        x = x + rule(unit * (gradient + noise[step]), step / STEPS)
    bend = x[:, 1:] - x[:, :-1].square()
    return (steep * bend.square() + (1 - x[:, :-1]).square()).mean(1)


# Filters: follow a level through noise.

LEVELS, SIGHTS = 4, 40


def tracking(problem: Traits, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
    """Levels that wander and jump, seen through noise with outliers; the mean squared error."""
    unit = 4.0 ** (problem.scale - 0.5)
    shape = (SIGHTS, replicates, LEVELS)
    drift = (0.05 + 0.2 * problem.shape) * normal(source, *shape)
    jumps = 4.0 * normal(source, *shape) * (torch.rand(shape, generator=source) < 0.03)
    level = (drift + jumps).cumsum(0)
    seen = level + (0.5 + problem.noise) * heavy(source, *shape)
    told = [rule(unit * each, step / SIGHTS) for step, each in enumerate(seen)]
    return ((torch.stack(told) / unit - level)[5:]).square().mean((0, 2))


# Control: push a plant to a target.


def plant(problem: Traits, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
    """Sluggish masses under a constant load; the mean squared distance from a target that jumps."""
    shape, tick = (replicates, LEVELS), 0.25
    strength = 0.5 * 4.0 ** (problem.scale - 0.5)
    drag = 0.3 + problem.shape
    load = 0.5 * normal(source, *shape)
    noise = (0.02 + 0.1 * problem.noise) * normal(source, SIGHTS, *shape)
    targets = normal(source, 2, *shape)
    place, speed, errors = torch.zeros(shape), torch.zeros(shape), []
    for step in range(SIGHTS):
        error = targets[2 * step // SIGHTS] - place
        push = rule(error + noise[step], step / SIGHTS).clamp(-10.0, 10.0)
        speed = speed + tick * (strength * push - drag * speed + load)
        place = place + tick * speed
        errors.append(error)
    return torch.stack(errors).square().mean((0, 2))
