"""Score final parameters: log validation loss at a learning rate chosen by other validation data.

For each seed by itself, one half of its sealed examples picks among the replicas trained at
different base learning rates, and the other half scores the one picked.
"""

import json
import math

from runs import RUNS, Run  # isort: skip  (before torch)
import torch
from torch import Tensor
from workloads import pair

WARM = ("autoencoder_short", "teacher_long", "glyph_noisy_sgd")
BEST, WORST = 1e-9, 2.0  # log losses are cut off at both ends; a diverged seed counts as WORST


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
    """Log validation loss of every seed; None where every learning rate diverged."""
    picking, scoring = (half.tolist() for half in losses(each, replicas, seeds, sealed))
    found: list[float | None] = []
    for chances, outcomes in zip(picking, scoring, strict=True):
        best = min(range(len(chances)), key=chances.__getitem__)
        loss = outcomes[best]
        usable = math.isfinite(chances[best]) and math.isfinite(loss)
        found.append(min(math.log(max(loss, BEST)), WORST) if usable else None)
    return found


def losses(each: Run, replicas: Tensor, seeds: list[int], sealed: list[int]) -> list[Tensor]:
    """Losses `[S, rates]` on either half of the sealed examples; infinite where not finite."""
    count, flat = replicas.shape[1], replicas.flatten(0, 1)
    usable = flat.isfinite().all(1)
    params, start = {}, 0
    for name, shape in each.workload.shapes.items():
        size = math.prod(shape)
        params[name] = flat[:, start : start + size].reshape(-1, *shape)
        start += size
    drawn = each.workload.problem.validation(pair(seeds), pair(sealed))
    data = [x[: len(seeds)].repeat_interleave(count, 0) for x in drawn]
    found = []
    for rows in (slice(0, None, 2), slice(1, None, 2)):
        inputs, targets = (x[:, rows] for x in data)
        outputs = each.workload.model.forward(params, inputs)
        loss = each.workload.problem.validation_loss(outputs, targets)
        loss = torch.where(usable & loss.isfinite(), loss, math.inf)
        found.append(loss.double().view(len(seeds), count))
    return found
