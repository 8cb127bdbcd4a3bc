"""The keys of a metric that its author left out, from what a calibration measures."""

import math
from statistics import fmean, stdev

from ...evals import Calibration, Evaluation
from ...tasks import Metric
from ..lab import Lab

BEYOND = 5.0  # spreads by which a failed seed lies beyond every score of the start
SMALL = 0.1  # of the spread of a gain: what is less is not worth a claim
ROUNDING = 1e-9  # of a score, where nothing is random


def settle_worst(lab: Lab, start: Evaluation) -> None:
    """Let a failed seed count as worse than every score of the start, where the task says nothing.

    It lies `BEYOND` standard deviations of the start's scores beyond the worst of them. So one
    failed seed loses, and does not outweigh all others.
    """
    lab.task = lab.task.settled(worst_of(start, lab.task.metric), None)


def settle(lab: Lab, calibration: Calibration) -> None:
    """Give the task what this calibration measured in the place of its author."""
    lab.task = lab.task.settled(calibration.worst, calibration.minimum_gain)


def with_metric(lab: Lab, calibration: Calibration) -> Calibration:
    """The calibration with the keys that the task has of it, which it is then given.

    The smallest gain worth claiming is `SMALL` spreads of a gain.
    """
    keys = lab.task.manifest.metric
    update = {
        "worst": lab.task.metric.worst if keys.worst is None else None,
        "minimum_gain": least_gain(calibration) if keys.minimum_gain is None else None,
    }
    calibration = calibration.model_copy(update=update)
    settle(lab, calibration)
    return calibration


def worst_of(start: Evaluation, metric: Metric) -> float:
    """What a failed seed counts as beside these trials of the start, some of which have scores."""
    scored = [trial for trial in start.trials if trial.score is not None]
    scores = [s for trial in scored for s in trial.scores.values() if s is not None]
    sign = 1.0 if metric.goal == "min" else -1.0
    anchor = max(scores, key=lambda score: sign * score)
    means = [fmean(s for s in trial.scores.values() if s is not None) for trial in scored]
    noise = stdev(means) if len(means) > 1 else 0.0
    beyond = BEYOND * noise if noise > 1e-12 * abs(anchor) else max(1.0, abs(anchor))
    return float(f"{anchor + sign * beyond:.4g}")


def least_gain(calibration: Calibration) -> float:
    """The smallest gain worth claiming in this noise, rounded down to one digit."""
    least = SMALL * calibration.spread or ROUNDING * abs(calibration.usual or 1.0)
    step = 10.0 ** math.floor(math.log10(least))
    return float(f"{math.floor(least / step + 1e-9) * step:.1g}")
