"""What a confirmation can find, and what a screen lets slip: simulations of the rule itself.

Effects are standardised: the true gain above the rule's margin, in standard deviations of one gain.
Every simulation draws from the same fixed noise, so equal questions get equal answers and the
chance of finding an effect never falls as the effect grows. Where the rule bounds gains, `spread`
is the standard deviation of one gain in the bound's unit; without it the bound is `BOUND` of them.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

from ...tasks import Metric
from ..records import Summary
from ..rule import Rule
from . import pooled
from .bounded import log_e_looks, needed_mean
from .decide import chance as chance_left
from .decide import hopeless, promising
from .estimate import summary
from .evalue import log_e_from_moments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[Any]

TRIALS = 2000  # the error of a simulated chance is about 0.01
SCREENS = 2000
CERTAIN = 100.0  # standard deviations: what is as good as an effect without noise
LARGEST_T = 99.0  # as capped in a Summary
BOUND = 4.0  # standard deviations of a gain, where the noise of a task is as calibrated


class Power(NamedTuple):
    """The chance that a confirmation finds the claim to hold, and the pairs it takes on average."""

    chance: float
    pairs: float


class Lost(NamedTuple):
    """The chances that a true gain is dropped at the first look, and at either look of a screen."""

    first_look: float
    screen: float


def power(
    rule: Rule,
    effect: float,
    level: float,
    pairs: int | None = None,
    spread: float | None = None,
) -> Power:
    """How a confirmation of a gain of `effect` ends, with an error of `level` and normal noise.

    With `pairs` the budget stops it after so many, and what is not confirmed by then is not found.
    """
    import numpy as np

    tests = _ends(standardised(rule, spread), effect, level)
    within = tests.confirmed <= (rule.most if pairs is None else pairs)
    return Power(float(np.mean(within)), float(np.mean(tests.stopped)))


def pairs_needed(
    rule: Rule, effect: float, level: float, chance: float = 0.8, spread: float | None = None
) -> int | None:
    """After how many pairs such a gain is confirmed with this chance; None if `most` is too few."""
    ordered = sorted(_ends(standardised(rule, spread), effect, level).confirmed)
    needed = float(ordered[math.ceil(chance * len(ordered)) - 1])
    return int(needed) if math.isfinite(needed) else None


def standardised(rule: Rule, spread: float | None) -> Rule:
    """The rule for gains in standard deviations of one gain; each is `spread`."""
    if rule.pooled is not None:
        sd = rule.pooled.sd / spread if spread else 1.0
        return rule.model_copy(update={"pooled": rule.pooled.model_copy(update={"sd": sd})})
    if rule.bound is None:
        return rule
    bound = rule.bound / spread if spread else BOUND
    return rule.model_copy(update={"bound": bound})


def race_power(rule: Rule, effect: float) -> float:
    """The chance that a race of `explore` is won by a gain of so many standard deviations."""
    from scipy.special import nctdtr, stdtrit

    n = rule.race
    threshold = float(stdtrit(n - 1, 1 - rule.race_p))
    centre = min(effect, 4.0) * math.sqrt(n)
    return 1 - float(nctdtr(n - 1, centre, threshold))


def lost(rule: Rule, effect: float, metric: Metric) -> Lost:
    """How often a screen drops a child whose gain is `effect`, by the rule's own functions."""
    import numpy as np

    def late(row: Sequence[float]) -> bool:
        return hopeless(rule, row, metric) or not promising(rule, summary(row).t, [])

    noise = np.random.default_rng(7).standard_normal((SCREENS, rule.screen)) + effect
    first = _dropped(noise[:, : rule.first_look], lambda row: hopeless(rule, row, metric))
    return Lost(float(np.mean(first)), float(np.mean(first | _dropped(noise, late))))


def _dropped(rows: "Floats", drops: Callable[[Sequence[float]], bool]) -> "NDArray[np.bool_]":
    """Which rows a look drops that goes by their t statistic alone, so that a few tell of all."""
    import numpy as np

    order = np.argsort(rows.mean(1) / rows.std(1, ddof=1))
    kept = bisect_left(order, True, key=lambda place: not drops(rows[place].tolist()))
    dropped = np.zeros(len(rows), dtype=bool)
    dropped[order[:kept]] = True
    return dropped


class Ends(NamedTuple):
    """After how many pairs each simulated test confirmed, or infinity, and when it stopped."""

    confirmed: "Floats"
    stopped: "Floats"


def ends(rule: Rule, samples: "Floats", level: "float | Floats") -> Ends:
    """The ends of sequential tests of the gains in each row of `samples`, [rows, `most`].

    `level` is one for all or one a row. A gain is above zero or not: take off the margin before.
    """
    import numpy as np

    rows, looks = len(samples), looks_of(rule)
    levels = np.broadcast_to(np.asarray(level, dtype=float), (rows,))
    threshold = -np.log(levels)
    by_t = rule.bound is None and rule.pooled is None
    log_e, futile = (_by_t if by_t else _by_mean)(rule, samples, levels)
    confirmed, stopped = np.full(rows, np.inf), np.full(rows, float(rule.most))
    going = np.ones(rows, dtype=bool)
    for i, n in enumerate(looks):
        won = going & (log_e[:, i] >= threshold)
        over = won | (going & futile[:, i])
        confirmed[won] = n
        stopped[over] = n
        going &= ~over
    return Ends(confirmed, stopped)


def looks_of(rule: Rule) -> list[int]:
    """After how many pairs a confirmation looks."""
    return [*range(min(rule.block, rule.most), rule.most, rule.look), rule.most]


@lru_cache(maxsize=64)
def _ends(rule: Rule, effect: float, level: float) -> Ends:
    """Simulate `TRIALS` sequential tests of one effect, all at once."""
    return ends(rule, unit_noise(rule.most) + min(effect, CERTAIN), level)


def _by_t(rule: Rule, samples: "Floats", levels: "Floats") -> "tuple[Floats, NDArray[np.bool_]]":
    """At each look the log t e-values, and which tests are futile, [rows, looks]."""
    import numpy as np

    looks = np.array(looks_of(rule))
    mean, square, cube = _moments(samples, looks, 3)
    variance, third = square - mean**2, cube - 3 * mean * square + 2 * mean**3
    variance = np.where(variance > 1e-12 * square, variance, 0.0)
    log_e = log_e_from_moments(looks, mean, variance, third, rule.effect_scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(mean * np.sqrt(looks - 1) / np.sqrt(variance))
    distinct, row = np.unique(levels, return_inverse=True)
    edges = np.array([[futile_t(rule, n, level) for n in looks.tolist()] for level in distinct])
    return log_e, np.clip(t, -LARGEST_T, LARGEST_T) < edges[row]


def _by_mean(rule: Rule, samples: "Floats", levels: "Floats") -> "tuple[Floats, NDArray[np.bool_]]":
    """At each look the log e-values of other rules, and which tests are futile, [rows, looks]."""
    import numpy as np

    looks = np.array(looks_of(rule))
    mean, square = _moments(samples, looks, 2)
    sd = np.sqrt(np.maximum(square - mean**2, 0.0) * looks / (looks - 1))
    if rule.pooled is not None:
        log_e = pooled.log_e_pooled_looks(samples, rule.pooled, looks.tolist(), levels)
        sd = pooled.moderated(rule.pooled, sd, looks)
        needed = pooled.needed_mean(rule.most, levels[:, None], sd, rule.pooled)
    else:
        assert rule.bound is not None
        log_e = log_e_looks(samples, rule.bound, looks.tolist(), -math.log(levels.max()))
        needed = needed_mean(rule.most, levels[:, None], sd, rule.bound)
    error = sd * np.sqrt((rule.most - looks) / (looks * rule.most))
    quantile = NormalDist().inv_cdf(rule.hope) if rule.hope else -CERTAIN
    return log_e, (mean < needed + quantile * error)


def _moments(samples: "Floats", looks: "NDArray[Any]", count: int) -> "list[Floats]":
    """The first raw moments at each look."""
    import numpy as np

    powers, starts = np.ones_like(samples), [0, *looks[:-1].tolist()]
    moments = []
    for _ in range(count):
        powers = powers * samples
        moments.append(np.add.reduceat(powers, starts, axis=1).cumsum(1) / looks)
    return moments


@lru_cache(maxsize=1024)
def futile_t(rule: Rule, n: int, level: float) -> float:
    """Below which t statistic after `n` pairs a confirmation is given up."""

    def hope(t: float) -> float:
        return chance_left(rule, Summary(mean=t / math.sqrt(n), sd=1.0, pairs=n), level)

    if n >= rule.most:
        return math.inf
    low, high = -LARGEST_T, LARGEST_T
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if hope(middle) < rule.hope else (low, middle)
    return high


@lru_cache(maxsize=4)
def unit_noise(most: int) -> "Floats":
    """Noise of unit spread, the same for every question, [`TRIALS`, `most`]."""
    import numpy as np

    return np.random.default_rng(2026).standard_normal((TRIALS, most))
