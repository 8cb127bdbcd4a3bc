"""Small design problems to try a search agent on: each wants one function, called once a step.

An instance is drawn from a seed: how ill-conditioned, how noisy, in which units. A trial of a
program runs `REPLICATES` independent copies of it, the rows of one tensor, with first states and
noise of their own. Losses are natural logs, so that a gain is a difference. Import before torch.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # forks lose the threads it starts

import torch
from torch import Tensor

Rule = Callable[[Tensor, float], Tensor]
Simulate = Callable[["Instance", Rule, torch.Generator, int], Tensor]
FLOOR, CEILING = 1e-6, 1e3  # losses of programs that diverge are cut


def generator(*path: object) -> torch.Generator:
    """Random numbers that belong to one purpose, such as `generator(seed, "noise")`."""
    return torch.Generator().manual_seed(number(*path))


def number(*path: object) -> int:
    """A number below 2**63 that says nothing of what it was made from."""
    text = "/".join(map(str, path)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Family:
    """A kind of problem: what is asked for, from what program, and how it is tried.

    `reference` is the mean gain, in nats, of the program `known` over the start: what counts as 1.
    """

    file: str
    function: str
    statement: str
    start: str
    known: str
    motifs: tuple[tuple[str, str], ...]
    reference: float
    simulate: Simulate


@dataclass(frozen=True)
class Instance:
    """One problem of a family: three numbers in [0, 1) tell it from the others."""

    family: Family
    scale: float
    shape: float
    noise: float

    def losses(self, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
        """Log losses `[B]` of a program; a copy that diverges has the largest."""
        found = self.family.simulate(self, rule, source, replicates)
        return found.nan_to_num(CEILING, CEILING).clamp(FLOOR, CEILING).log()


def instance(workload: str, seed: int) -> Instance:
    """The problem that a training seed stands for."""
    drawn = torch.rand(3, generator=generator(seed, "instance"), dtype=torch.float64)
    return Instance(FAMILIES[workload], *drawn.tolist())


def normal(source: torch.Generator, *shape: int) -> Tensor:
    """Standard normal noise."""
    return torch.randn(shape, generator=source)


def heavy(source: torch.Generator, *shape: int) -> Tensor:
    """Normal noise, one in ten of it ten times as large."""
    wide = torch.rand(shape, generator=source) < 0.1
    return normal(source, *shape) * torch.where(wide, 10.0, 1.0)


# Update rules: x + update(gradient), the loss at the end is free of noise.

STEPS = 30


def bowl(problem: Instance, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
    """Quadratics in twelve dimensions, condition 10 to 100, with heavy-tailed gradient noise."""
    width, unit = 12, 4.0 ** (problem.scale - 0.5)
    condition = 10.0 ** (1.0 + problem.shape)
    curve = unit * condition ** -torch.linspace(0.0, 1.0, width)
    x = normal(source, replicates, width)
    noise = (0.05 + 0.15 * problem.noise) * unit * heavy(source, STEPS, replicates, width)
    for step in range(STEPS):
        x = x + rule(curve * x + noise[step], step / STEPS)
    return (curve * x.square()).mean(1) / unit


def student(problem: Instance, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
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


def valley(problem: Instance, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
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


def tracking(problem: Instance, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
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


def plant(problem: Instance, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
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


UPDATE = """
Write an update rule for a noisy optimisation problem of fixed length. rule.py defines

    update(grad, state, progress) -> (step, state)

grad is a float tensor [B, D], a row for each of B unrelated problems; what is returned first, of
the same shape, is added to the parameters. state is {} at first, and whatever you return after.
progress goes from 0 to just under 1. torch and math may be imported. A lower final loss is better.
""".strip()
TRACK = """
Write a filter that follows levels through noise. filter.py defines

    track(seen, state, progress) -> (level, state)

seen is a float tensor [B, D] of independent noisy sights, of which some are far off; return, in the
same shape, where the levels are now. They wander, and seldom jump. state is {} at first, and
whatever you return after. progress goes from 0 to just under 1. torch and math may be imported. A
lower mean squared error is better.
""".strip()
ACT = """
Write a controller. controller.py defines

    act(error, state, progress) -> (push, state)

error is a float tensor [B, D]: how far each of B x D independent plants is from its target, with
some noise; return a push for each, in the same shape. A plant has mass, drag and a constant load.
state is {} at first, and whatever you return after. progress goes from 0 to just under 1. torch and
math may be imported. A lower mean squared error is better.
""".strip()

DESCENT = '''"""Gradient descent with a little momentum."""

import torch

RATE = 0.2
MOMENTUM = 0.5


def update(grad, state, progress):
    """The step to take, and the next state."""
    speed = state.get("speed", torch.zeros_like(grad))
    speed = MOMENTUM * speed + grad
    step = -RATE * speed
    return step, {"speed": speed}
'''
SMOOTHER = '''"""An exponential average."""

import torch

GAIN = 0.3


def track(seen, state, progress):
    """The estimate, and the next state."""
    level = state.get("level", torch.zeros_like(seen))
    surprise = seen - level
    level = level + GAIN * surprise
    return level, {"level": level}
'''
PUSHER = '''"""Push in proportion to the error."""

import torch

STRENGTH = 6.0
SPREAD = 0.8


def act(error, state, progress):
    """The push, and the next state."""
    mean = state.get("mean", torch.zeros_like(error))
    mean = mean + SPREAD * (error - mean)
    push = STRENGTH * mean
    return push, {"mean": mean}
'''
ADAM = '''"""Adam with momentum tuned to short runs, and a linear decay."""

import torch

RATE, SLOW, FAST = {rate}, 0.7, 0.9


def update(grad, state, progress):
    """The step to take, and the next state."""
    count = state.get("count", 0) + 1
    mean = SLOW * state.get("mean", torch.zeros_like(grad)) + (1.0 - SLOW) * grad
    square = FAST * state.get("square", torch.zeros_like(grad)) + (1.0 - FAST) * grad * grad
    scale = (square / (1.0 - FAST**count)).sqrt() + 1e-8
    step = -RATE * (1.0 - progress) * mean / (1.0 - SLOW**count) / scale
    return step, {{"mean": mean, "square": square, "count": count}}
'''
CLIPPED = SMOOTHER.replace("GAIN = 0.3", "GAIN = 0.35\nLIMIT = 3.0").replace(
    "seen - level\n", "(seen - level).clamp(-LIMIT, LIMIT)\n"
)
PID = PUSHER.replace("STRENGTH = 6.0", "STRENGTH = 6.0\nTOTAL = 0.3\nCHANGE = 16.0").replace(
    'push = STRENGTH * mean\n    return push, {"mean": mean}',
    'total = state.get("total", torch.zeros_like(error)) + error\n'
    '    push = STRENGTH * mean + TOTAL * total + CHANGE * (mean - state.get("mean", mean))\n'
    '    return push, {"mean": mean, "total": total}',
)
DESCENT_MOTIFS = (
    ("linear decay", "x * (1.0 - progress)"),
    ("square-root decay", "x * (1.0 - progress) ** 0.5"),
    ("warm-up", "RISE = 0.1\nx * min(1.0, (progress + 0.03) / RISE)"),
    ("sign", "torch.sign(x)"),
    ("element clip", "LIMIT = 1.0\nx.clamp(-LIMIT, LIMIT)"),
    ("row norm", "x / (x.square().mean(1, keepdim=True).sqrt() + 1e-8)"),
    ("signed power", "POWER = 0.5\ntorch.sign(x) * (x.abs() + 1e-12) ** POWER"),
    ("damping", "x / (1.0 + x.abs())"),
)
FILTER_MOTIFS = (
    ("clip", "LIMIT = 2.0\nx.clamp(-LIMIT, LIMIT)"),
    ("redescend", "WIDTH = 2.0\nx * torch.exp(-((x / WIDTH) ** 2))"),
    ("saturate", "WIDTH = 2.0\nWIDTH * torch.tanh(x / WIDTH)"),
    ("fade", "x / (1.0 + x.abs())"),
    ("early", "EARLY = 0.1\nx * (1.0 + EARLY / (progress + EARLY))"),
)
CONTROL_MOTIFS = (
    ("boost", "BOOST = 2.0\nBOOST * x"),
    ("lead", 'LEAD = 3.0\nx + LEAD * (x - state.get("mean", torch.zeros_like(x)))'),
    ("saturate", "WIDTH = 2.0\nWIDTH * torch.tanh(x / WIDTH)"),
    ("power", "POWER = 0.7\ntorch.sign(x) * (x.abs() + 1e-9) ** POWER"),
)
DESCENTS = ("rule.py", "update", UPDATE, DESCENT)
LIVELIER = DESCENT.replace("MOMENTUM = 0.5", "MOMENTUM = 0.7")

FAMILIES = {
    # development: what a search for agents sees
    "bowl": Family(*DESCENTS, ADAM.format(rate=0.2), DESCENT_MOTIFS, 0.8, bowl),
    "student": Family(*DESCENTS, ADAM.format(rate=0.25), DESCENT_MOTIFS, 0.45, student),
    "tracking": Family(
        "filter.py", "track", TRACK, SMOOTHER, CLIPPED, FILTER_MOTIFS, 0.7, tracking
    ),
    # transfer: another landscape, another kind of program
    "valley": Family(
        "rule.py", "update", UPDATE, LIVELIER, ADAM.format(rate=0.3), DESCENT_MOTIFS, 0.8, valley
    ),
    "plant": Family("controller.py", "act", ACT, PUSHER, PID, CONTROL_MOTIFS, 0.6, plant),
}
