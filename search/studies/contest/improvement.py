"""How far apart searches are: the mean over searches, and how often one agent's beats another's."""

import math
from collections.abc import Sequence
from statistics import fmean

from ....evals import judge
from ....tasks import Frozen

RESAMPLES = 2000
TAIL = 0.025


class Interval(Frozen):
    """A value with its 95 % interval, which is missing where there is one search."""

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """As people write it."""
        if self.low is None or self.high is None:
            return f"{self.value:+.4f}"
        return f"{self.value:+.4f} ± {(self.high - self.low) / 2:.4f}"


def mean_gain(gains: Sequence[Sequence[float]]) -> Interval:
    """The mean over searches and seeds, with a 95 % interval for other searches on other seeds.

    `gains` holds a search a row: its gain on every sealed seed, in the order of the seeds, which
    are the same for all. Half-widths of the t intervals over searches and over seeds are added as
    independent errors, which counts what depends on both twice and so errs on the side of caution.
    """
    value = fmean(map(fmean, gains))
    if len(gains) < 2:
        return Interval(value=value)
    over_searches = judge.estimate([fmean(row) for row in gains])
    over_seeds = judge.estimate([fmean(column) for column in zip(*gains, strict=True)])
    half = math.hypot(*((part.high - part.low) / 2 for part in (over_searches, over_seeds)))
    return Interval(value=value, low=value - half, high=value + half)


def improvement(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> Interval:
    """The probability of improvement, P(A > B), averaged over tasks (Agarwal et al. 2021).

    `ours` and `theirs` hold the gains of the searches of two agents, a task a row. A tie counts
    half. The 95 % interval is that of the percentile bootstrap, stratified: searches are drawn
    again within their task and agent.
    """
    import numpy as np

    rng = np.random.default_rng(2021)
    value, again = 0.0, np.zeros(RESAMPLES)
    for mine, other in zip(ours, theirs, strict=True):
        a, b = np.asarray(mine, dtype=float), np.asarray(other, dtype=float)
        wins = (np.sign(a[:, None] - b[None, :]) + 1) / 2
        value += float(wins.mean()) / len(ours)
        rows = rng.integers(len(a), size=(RESAMPLES, len(a), 1))
        columns = rng.integers(len(b), size=(RESAMPLES, 1, len(b)))
        again += wins[rows, columns].mean(axis=(1, 2)) / len(ours)
    if min(map(len, (*ours, *theirs))) < 2:
        return Interval(value=value)
    low, high = np.quantile(again, [TAIL, 1 - TAIL])
    return Interval(value=value, low=float(low), high=float(high))
