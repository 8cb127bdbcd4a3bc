"""What a confirmation can find, and what a screen lets slip: simulations of the rule itself.

Effects are standardised: the true gain above the rule's margin, in standard deviations of one gain.
Every simulation draws from the same fixed noise, so equal questions get equal answers and the
chance of finding an effect never falls as the effect grows.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ...tasks import Metric
from ..records import Summary
from ..rule import Rule
from .decide import chance as chance_left
from .decide import hopeless, promising
from .estimate import summary
from .evalue import log_e_from_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

TRIALS = 2000  # the error of a simulated chance is about 0.01
SCREENS = 2000
CERTAIN = 100.0  # standard deviations: what is as good as an effect without noise
LARGEST_T = 99.0  # as capped in a Summary
STEPS = 12  # halvings of the interval in which the detectable effect lies


class Power(NamedTuple):
    """The chance that a confirmation finds the claim to hold, and the pairs it takes on average."""

    chance: float
    pairs: float


class Lost(NamedTuple):
    """The chances that a true gain is dropped at the first look, and at either look of a screen."""

    first_look: float
    screen: float


def power(rule: Rule, effect: float, level: float, pairs: int | None = None) -> Power:
    """How a confirmation of a gain of `effect` ends, with an error of `level` and normal noise.

    With `pairs` the budget stops it after so many, and what is not confirmed by then is not found.
    """
    import numpy as np

    ends = _ends(rule, effect, level)
    within = ends.confirmed <= (rule.most if pairs is None else pairs)
    return Power(float(np.mean(within)), float(np.mean(ends.stopped)))


def pairs_needed(rule: Rule, effect: float, level: float, chance: float = 0.8) -> int | None:
    """After how many pairs such a gain is confirmed with this chance; None if `most` is too few."""
    ordered = sorted(_ends(rule, effect, level).confirmed)
    needed = float(ordered[math.ceil(chance * len(ordered)) - 1])
    return int(needed) if math.isfinite(needed) else None


@lru_cache(maxsize=64)
def detectable(
    rule: Rule, level: float, chance: float = 0.8, pairs: int | None = None
) -> float | None:
    """The smallest effect that is confirmed with this chance; None if none is within `pairs`."""
    low, high = 0.0, CERTAIN
    if power(rule, high, level, pairs).chance < chance:
        return None
    for _ in range(STEPS):
        middle = math.sqrt(max(low, 1e-3) * high)
        if power(rule, middle, level, pairs).chance >= chance:
            high = middle
        else:
            low = middle
    return high


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

    noise = np.random.default_rng(7).standard_normal((SCREENS, rule.screen)) + effect
    first = screened = 0
    for row in noise.tolist():
        if hopeless(rule, row[: rule.first_look], metric):
            first += 1
        elif hopeless(rule, row, metric) or not promising(rule, summary(row).t, []):
            screened += 1
    return Lost(first / SCREENS, (first + screened) / SCREENS)


class Ends(NamedTuple):
    """After how many pairs each simulated test confirmed, or infinity, and when it stopped."""

    confirmed: "Floats"
    stopped: "Floats"


class Look(NamedTuple):
    """The first `pairs` gains of many streams: of each its mean and central moments over them."""

    pairs: int
    mean: "Floats"
    variance: "Floats"
    third: "Floats"


def looked_at(samples: "Floats", block: int) -> list[Look]:
    """The looks at streams of gains, [streams, most], a block more each time."""
    import numpy as np

    most = samples.shape[1]
    pairs = np.array([min(n, most) for n in range(block, most + block, block)])
    squares = samples * samples
    first, second, third = (
        np.cumsum(np.add.reduceat(values, pairs - np.diff(pairs, prepend=0), axis=1), axis=1)
        / pairs
        for values in (samples, squares, squares * samples)
    )
    variances = np.maximum(0.0, second - first**2)
    thirds = third - 3 * first * second + 2 * first**3
    rows = zip(pairs.tolist(), first.T, variances.T, thirds.T, strict=True)
    return [Look(*row) for row in rows]


def _ends(rule: Rule, effect: float, level: float) -> Ends:
    """Simulate `TRIALS` sequential tests of one effect, all at once."""
    shift = min(effect, CERTAIN)
    looks = [Look(n, mean + shift, *rest) for n, mean, *rest in _noise(rule.block, rule.most)]
    return ended(rule, level, looks)


def ended(rule: Rule, level: float, looks: Sequence[Look]) -> Ends:
    """Let the sequential tests of many streams of gains take their looks, one after another."""
    import numpy as np

    count = len(looks[0].mean)
    confirmed, stopped = np.full(count, np.inf), np.full(count, float(rule.most))
    going = np.arange(count)
    for n, *moments in looks:
        mean, variance, third = (values[going] for values in moments)
        log_e = log_e_from_moments(n, mean, variance, third, rule.effect_scale)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.nan_to_num(mean * math.sqrt(n - 1) / np.sqrt(variance))
        won = log_e >= -math.log(level)
        over = won | (t < futile_t(rule, n, level))
        confirmed[going[won]] = n
        stopped[going[over]] = n
        going = going[~over]
    return Ends(confirmed, stopped)


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
def _noise(block: int, most: int) -> list[Look]:
    """The looks at normal noise. An effect shifts the mean and leaves the central moments alone."""
    import numpy as np

    return looked_at(np.random.default_rng(2026).standard_normal((TRIALS, most)), block)
