"""From two evaluations to the gains that everything is judged by."""

import hashlib
import json
from collections.abc import Sequence

from ...tasks import Metric
from ..records import Evaluation


def gains(
    child: Evaluation,
    rival: Evaluation,
    metric: Metric,
    workload: str | None = None,
    paired: bool = True,
) -> list[float]:
    """How much better the child is than its rival, seed by seed; positive is better.

    A seed that failed counts as the metric's worst value, and no score counts as worse than that,
    so a missing trial never wins and one outlier decides nothing. With `workload`, on that one
    alone; else on the mean over them. Seeds that were not `paired` are taken in their order, which
    keeps the gains independent whatever the two variances are.
    Raises ValueError if the counts differ, or if paired evaluations did not run the same seeds.
    """
    if paired and [t.seed for t in child.trials] != [t.seed for t in rival.trials]:
        raise ValueError("child and rival ran different seeds")
    pairs = zip(
        child.values(metric.worst, workload), rival.values(metric.worst, workload), strict=True
    )
    return [metric.gain(_bounded(new, metric), _bounded(old, metric)) for new, old in pairs]


def above_worst(evaluation: Evaluation, metric: Metric) -> list[float]:
    """How much better than the metric's worst value each seed scored, none below 0."""
    scores = evaluation.values(metric.worst)
    return [max(0.0, metric.gain(score, metric.worst)) for score in scores]


def _bounded(score: float, metric: Metric) -> float:
    return metric.worst if metric.gain(score, metric.worst) < 0 else score


def digest(values: Sequence[float]) -> str:
    """Content address of gains, in the order of their seeds."""
    return hashlib.sha256(json.dumps(list(values)).encode()).hexdigest()[:16]
