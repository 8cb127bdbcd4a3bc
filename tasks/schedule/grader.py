"""Score final parameters: log validation loss at a learning rate chosen by other validation data.

For each seed by itself, a fifth of its sealed examples picks among the replicas trained at
different base learning rates, and the others score the one picked.
"""

import json
import math

from runs import RUNS, Run  # isort: skip  (before torch)
import torch
from problems import Batch
from torch import Tensor
from workloads import pair

WARM = ("autoencoder_short", "teacher_long", "glyph_noisy_sgd")
PICKED_BY = 4  # one example picks for so many that score


def warm() -> None:
    """Build the validation pools and load what torch loads lazily."""
    for name in WARM:
        each = RUNS[name]
        score(each, torch.zeros(2, len(each.rates), each.parameters), [1, 2], [3, 4])


def run(request: bytes, guest) -> bytes:
    """Score the parameters that follow the first line of the request."""
    line, artefact = request.split(b"\n", 1)
    asked = json.loads(line)
    seeds, sealed, runs = asked["seeds"], asked["sealed"], [RUNS[n] for n in asked["workloads"]]
    sizes = [len(seeds) * len(each.rates) * each.parameters for each in runs]
    if len(artefact) != 4 * sum(sizes):
        reason = f"the artefact has {len(artefact)} bytes, not {4 * sum(sizes)}"
        return json.dumps({"invalid": reason}).encode()
    flat = torch.frombuffer(bytearray(artefact), dtype=torch.float32).split(sizes)
    scores = {
        name: score(each, part.view(len(seeds), len(each.rates), -1), seeds, sealed)
        for name, each, part in zip(asked["workloads"], runs, flat, strict=True)
    }
    return json.dumps({"scores": scores}).encode()


@torch.no_grad()
def score(each: Run, replicas: Tensor, seeds: list[int], sealed: list[int]) -> list[float | None]:
    """The score of every seed; None where every learning rate diverged."""
    if len(seeds) == 1:
        replicas = replicas.repeat(2, 1, 1)
    few, many = each.workload.examples // PICKED_BY, each.workload.examples
    drawn = each.workload.problem.validation(pair(seeds), pair(sealed), few + many)
    rates = replicas.shape[1]
    shown = tuple(x[:, :few].repeat_interleave(rates, 0) for x in drawn)
    chances = losses(each, replicas.flatten(0, 1), shown).view(-1, rates)
    best = chances.argmin(1)
    kept = replicas[torch.arange(len(best)), best]
    outcomes = losses(each, kept, tuple(x[:, few:] for x in drawn))
    pairs = zip(each.workload.score(outcomes).tolist(), outcomes.isfinite().tolist(), strict=True)
    return [value if usable else None for value, usable in pairs][: len(seeds)]


def losses(each: Run, rows: Tensor, data: Batch) -> Tensor:
    """Validation loss of every row of parameters on its own data; infinite where not finite."""
    params, start = {}, 0
    for name, shape in each.workload.shapes.items():
        size = math.prod(shape)
        params[name] = rows[:, start : start + size].reshape(-1, *shape)
        start += size
    loss = each.workload.losses(params, data).double()
    return torch.where(rows.isfinite().all(1) & loss.isfinite(), loss, math.inf)
