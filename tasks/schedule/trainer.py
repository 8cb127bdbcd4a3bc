"""Train the task's runs under the candidate's learning-rate schedule.

The schedule is open loop: the candidate's process, `guest.py`, is asked for every step of a run
before the run starts, and knows nothing of the run but its length. The optimizers are fixed. The
reply holds the final parameters as float32 `[seeds, rates, parameters]` per run.
"""

import json
import math
import struct
from collections.abc import Mapping

from runs import RUNS, Run  # isort: skip  (before torch)

import torch
from torch import Tensor
from workloads import pair

MOMENTUM, SECOND, EPSILON, LARGEST = 0.9, 0.99, 1e-8, 10.0
PROBE_TOTALS = (7, 40, 200, 800)
WARM = ("autoencoder_short", "teacher_long", "glyph_noisy_sgd")


def warm() -> None:
    """Build the pools of examples and load what torch loads lazily."""
    for name in WARM:
        train(RUNS[name], [1, 2], [1.0, 1.0])


def run(request: bytes, guest) -> bytes:
    """Train the asked seeds on the asked runs, or show the schedule."""
    asked = json.loads(request)
    if "probe" in asked:
        shown = [torch.tensor(scales(guest, total)) for total in PROBE_TOTALS]
        return torch.cat(shown).numpy().astype("<f4").tobytes()
    seeds, constants = asked["seeds"], asked.get("constants", {})
    rows = zip(*constants.values(), strict=True)
    settings = [dict(zip(constants, row, strict=True)) for row in rows]
    found = [
        train(each, pair(seeds), factors(guest, each.workload.steps, settings))[: len(seeds)]
        for each in (RUNS[name] for name in asked["workloads"])
    ]
    return b"".join(replicas.numpy().astype("<f4").tobytes() for replicas in found)


def factors(guest, total: int, settings: list[dict[str, float]]) -> list[float] | list[Tensor]:
    """The factor of every step; if constants differ from seed to seed, `[S]` a step."""
    if not settings:
        return scales(guest, total)
    rows = {row: scales(guest, total, dict(row)) for row in dict.fromkeys(map(_row, settings))}
    columns = zip(*(rows[_row(setting)] for setting in settings), strict=True)
    return [torch.tensor(column * (2 if len(settings) == 1 else 1)) for column in columns]


def _row(setting: dict[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(setting.items())


def scales(guest, total: int, constants: Mapping[str, float] = {}) -> list[float]:
    """The factors on the base learning rate of a run of `total` steps, clamped to [0, 10].

    `constants` are put in the place of the schedule's own.
    """
    asked = {"total": total, **({"constants": constants} if constants else {})}
    told = struct.unpack(f"<{total}d", guest.ask(json.dumps(asked).encode()))
    if not all(map(math.isfinite, told)):
        raise ValueError("the schedule has factors that are not finite")
    return [min(max(factor, 0.0), LARGEST) for factor in told]


@torch.no_grad()
def train(each: Run, seeds: list[int], factors: list[float] | list[Tensor]) -> Tensor:
    """Final parameters `[S, rates, P]`: every seed at every base learning rate.

    The factors on these are those of all seeds, one a step, or `[S]` a step.
    """
    count = len(each.rates)
    stream = each.workload.stream(seeds)
    flat = first(each, seeds).repeat_interleave(count, 0).requires_grad_()
    rates = torch.tensor(each.rates).repeat(len(seeds))[:, None]
    step_down = {"adam": Adam, "sgd": Momentum}[each.optimizer](flat)
    for step, factor in enumerate(factors):
        inputs, targets = (x.repeat_interleave(count, 0) for x in stream.batch(step))
        with torch.enable_grad():
            loss = each.workload.loss(views(each, flat), (inputs, targets)).sum()
        (gradient,) = torch.autograd.grad(loss, flat)
        if isinstance(factor, Tensor):
            factor = factor.repeat_interleave(count)[:, None]
        flat -= step_down(gradient).mul_(rates * factor)
    return flat.detach().view(len(seeds), count, -1)


def first(each: Run, seeds: list[int]) -> Tensor:
    """Initial parameters of every seed as one row `[S, P]`."""
    params = each.workload.init(seeds)
    flat = torch.zeros(len(seeds), each.parameters)
    joined = torch.cat([params[name].flatten(1) for name in each.workload.shapes], dim=1)
    flat[:, : joined.shape[1]] = joined
    return flat


def views(each: Run, flat: Tensor) -> dict[str, Tensor]:
    """The named parameters that lie in the rows of `flat`."""
    shapes = each.workload.shapes
    sizes = [math.prod(shape) for shape in shapes.values()]
    parts = flat.split([*sizes, flat.shape[1] - sum(sizes)], dim=1)
    return {
        name: part.view(len(flat), *shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=False)
    }


class Adam:
    """Adam (Kingma and Ba, arXiv:1412.6980) on stacked rows; returns the direction to subtract."""

    def __init__(self, like: Tensor) -> None:
        """Start from zero moments."""
        self._mean, self._square = torch.zeros_like(like), torch.zeros_like(like)
        self._step = 0

    def __call__(self, gradient: Tensor) -> Tensor:
        """One step."""
        self._step += 1
        self._mean.mul_(MOMENTUM).add_(gradient, alpha=1 - MOMENTUM)
        self._square.mul_(SECOND).add_(gradient.square_(), alpha=1 - SECOND)
        scale = (1 - SECOND**self._step) ** 0.5 / (1 - MOMENTUM**self._step)
        return torch.div(self._mean, self._square.sqrt().add_(EPSILON)).mul_(scale)


class Momentum:
    """Gradient descent with heavy-ball momentum (Polyak, 1964)."""

    def __init__(self, like: Tensor) -> None:
        """Start at rest."""
        self._velocity = torch.zeros_like(like)

    def __call__(self, gradient: Tensor) -> Tensor:
        """One step."""
        return self._velocity.mul_(MOMENTUM).add_(gradient).clone()
