"""How far apart searches are: the mean over searches, and how often one agent's beats another's."""

import math
from collections.abc import Sequence
from statistics import fmean

from ....evals import judge
from ....tasks import Frozen

RESAMPLES = 2000
TAIL = 0.025


class Interval(Frozen):
    """A value with its 95 % interval, which is missing where there is one search.

    A probability that is 0 or 1 has `luck` instead: the exact chance that equal agents come out so.
    """

    value: float
    low: float | None = None
    high: float | None = None
    luck: float | None = None

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
    again within their task and agent. Where one agent wins every time the bootstrap knows of no
    spread, and the exact one-sided p of Mann and Whitney (1947) is given instead: 1/20 for three
    searches against three.
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
    if not 1e-9 < value < 1 - 1e-9:
        return Interval(value=value, luck=_luck(ours, theirs))
    if min(map(len, (*ours, *theirs))) < 2:
        return Interval(value=value)
    low, high = np.quantile(again, [TAIL, 1 - TAIL])
    if low == high:  # nothing but ties, which says nothing of other searches
        return Interval(value=value)
    return Interval(value=value, low=float(low), high=float(high))


def _luck(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    """The chance that one of two equal agents wins every time: one of all orders of searches."""
    orders = (
        math.comb(len(mine) + len(other), len(mine))
        for mine, other in zip(ours, theirs, strict=True)
    )
    return 1 / math.prod(orders)


def difference(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> Interval:
    """How much higher the mean gain of one agent's searches is, with a 95 % interval.

    Rows are searches and columns sealed seeds, the same for all, as in `mean_gain`. The interval is
    for other searches (Welch 1947) on other seeds; half-widths are added as independent errors.
    """
    value = fmean(map(fmean, ours)) - fmean(map(fmean, theirs))
    if min(len(ours), len(theirs)) < 2:
        return Interval(value=value)
    columns = (map(fmean, zip(*rows, strict=True)) for rows in (ours, theirs))
    by_seed = [own - other for own, other in zip(*columns, strict=True)]
    over_searches = _welch(list(map(fmean, ours)), list(map(fmean, theirs)))
    over_seeds = judge.estimate(by_seed)
    half = math.hypot(over_searches, (over_seeds.high - over_seeds.low) / 2)
    return Interval(value=value, low=value - half, high=value + half)


def _welch(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Half of the 95 % interval of a difference of means whose spreads may differ."""
    from scipy.special import stdtrit

    parts = [(judge.summary(values).error ** 2, len(values) - 1) for values in (ours, theirs)]
    square = math.fsum(part for part, _ in parts)
    if not square:
        return 0.0
    degrees = square**2 / math.fsum(part**2 / count for part, count in parts)
    return float(stdtrit(degrees, 0.975)) * math.sqrt(square)
