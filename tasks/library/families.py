"""Kinds of problem to try a search agent on, each with a program to start from and a known one.

Losses are natural logs, so that a gain is a difference.
"""

from collections.abc import Callable
from dataclasses import dataclass

from worlds import Rule, Traits, bowl, generator, plant, student, tracking, valley  # isort: skip

import torch
from torch import Tensor

Simulate = Callable[[Traits, Rule, torch.Generator, int], Tensor]
FLOOR, CEILING = 1e-6, 1e3  # losses of programs that diverge are cut


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
    """One problem of a family."""

    family: Family
    traits: Traits

    def losses(self, rule: Rule, source: torch.Generator, replicates: int) -> Tensor:
        """Log losses `[B]` of a program; a copy that diverges has the largest."""
        found = self.family.simulate(self.traits, rule, source, replicates)
        return found.nan_to_num(CEILING, CEILING).clamp(FLOOR, CEILING).log()


def instance(workload: str, seed: int) -> Instance:
    """The problem that a training seed stands for."""
    drawn = torch.rand(3, generator=generator(seed, "instance"), dtype=torch.float64)
    return Instance(FAMILIES[workload], Traits(*drawn.tolist()))


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
