"""Measure many settings of a candidate's constants in one job."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..sandbox import Sandbox
from ..tasks import Task
from .measure import measure
from .records import Candidate, Seed, Trial

Setting = Mapping[str, float]
PARTS = 2  # jobs among which the workloads are dealt, to run at the same time


def measure_settings(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    settings: Sequence[Setting],
    seeds: Sequence[Seed],
    pool: ThreadPoolExecutor,
    start_seconds: float = 0.0,
) -> tuple[tuple[Trial, ...], ...]:
    """The trials of every setting on all `seeds` and development workloads, in their order.

    A setting has a value for each of the same constants. All of them are trained side by side, one
    lane a setting and seed: what they score is meant to choose between them, and is no evidence.
    Raises what `measure` raises.
    """
    workloads = task.manifest.workloads.dev
    constants = {name: [s[name] for s in settings for _ in seeds] for name in settings[0]}
    lanes = list(seeds) * len(settings)

    def part(only: Sequence[str]) -> tuple[Trial, ...]:
        return measure(
            candidate,
            task,
            sandbox,
            lanes,
            start_seconds=start_seconds,
            only=only,
            constants=constants,
        )

    dealt = [workloads[at::PARTS] for at in range(min(PARTS, len(workloads)))]
    trials = [_joined(halves) for halves in zip(*pool.map(part, dealt), strict=True)]
    count = len(seeds)
    return tuple(tuple(trials[at : at + count]) for at in range(0, len(trials), count))


def _joined(parts: Sequence[Trial]) -> Trial:
    """One trial on all workloads, from its trials on parts of them."""
    failed = next((trial for trial in parts if trial.score is None), None)
    seconds = sum(trial.seconds for trial in parts)
    if failed is not None:
        return failed.model_copy(update={"seconds": seconds})
    scores = {name: score for trial in parts for name, score in trial.scores.items()}
    finite = [score for score in scores.values() if score is not None]
    mean = math.fsum(finite) / len(finite)
    return parts[0].model_copy(update={"scores": scores, "score": mean, "seconds": seconds})
