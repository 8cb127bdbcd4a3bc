"""What becomes of a candidate at each stage."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from ...tasks import Metric
from ..records import Summary
from ..rule import Rule
from . import pooled
from .bounded import log_e_bounded, needed_mean
from .estimate import summary
from .evalue import log_e_value, t_statistic

RECENT, FEWEST = 64, 8  # screens that a new one is compared with
ClaimOutcome = Literal["confirmed", "refuted", "undecided"]


def ruined(rule: Rule, values: Sequence[float], metric: Metric) -> bool:
    """Whether a glance shows harm so large and steady that the other workloads need not be run."""
    mean = math.fsum(values) / len(values)
    return mean < -rule.ruin * metric.minimum_gain and t_statistic(values) < rule.ruin_t


def claimed(rule: Rule, screen: Summary, smaller: bool) -> Literal["better", "simpler"]:
    """What a screened child may claim: a smaller program need only be no worse."""
    return "simpler" if smaller and screen.t < rule.promote_t else "better"


def hopeless(rule: Rule, values: Sequence[float], metric: Metric, smaller: bool = False) -> bool:
    """Whether the gains of a screen so far leave no hope for what the child may claim.

    A loss counts in full here: a confirmation would not forgive it either.
    """
    if settled(rule, values) and values[0] <= rule.margin(metric, "better") and not smaller:
        return True
    if claimed(rule, summary(values), smaller) == "simpler":
        margin = rule.margin(metric, "simpler")
        return t_statistic([value - margin for value in values]) < rule.drop_t
    return t_statistic(values) < rule.drop_t or not any(values)


def promising(rule: Rule, t: float, history: Sequence[float]) -> bool:
    """Whether a screen is good enough, and good among recent screens (ASHA, Li et al. 2020).

    However good the others are, `sure_t` always earns a confirmation.
    """
    recent = sorted(history[-RECENT:])
    quartile = recent[(3 * len(recent)) // 4] if len(recent) >= FEWEST else rule.promote_t
    return t >= max(rule.promote_t, min(quartile, rule.sure_t))


def settled(rule: Rule, values: Sequence[float]) -> bool:
    """Whether a task without noise gave the same gain on every seed, so that no more are needed."""
    return rule.deterministic and min(values) == max(values)


def race(rule: Rule, values: Sequence[float]) -> bool:
    """Whether a child won the race of `explore`: a plain t-test, which controls no error rate."""
    from scipy.special import stdtr

    n = len(values)
    return bool(any(values)) and 1 - float(stdtr(n - 1, t_statistic(values))) < rule.race_p


class Reached(NamedTuple):
    """How a confirmation stands after some look: its end or `continue`, and the log e-value."""

    standing: Literal["confirmed", "refuted", "continue"]
    log_e: float


def confirm(rule: Rule, values: Sequence[float], margin: float, level: float) -> Reached:
    """Look at all the fresh gains so far: is their mean above `margin`, at this error `level`?

    The mean is that of the gains as bounded by the rule, if it bounds them. Where nothing is
    random, gains that repeat to the last bit decide by themselves.
    """
    above = [value - margin for value in values]
    log_e = log_e_of(rule, above, level)
    if settled(rule, values):
        return Reached("confirmed" if above[0] > 0 else "refuted", log_e)
    if log_e >= -math.log(level):
        return Reached("confirmed", log_e)
    futile = len(values) >= rule.most or chance(rule, summary(above), level) < rule.hope
    return Reached("refuted" if futile else "continue", log_e)


def log_e_of(rule: Rule, above: Sequence[float], level: float) -> float:
    """Natural log of the e-value that the rule takes for gains less the margin.

    Where trials are dear, a part of the `level` pays for what is taken of the spread.
    """
    if rule.pooled is not None:
        return pooled.log_e_pooled(above, rule.pooled, level)
    if rule.bound is None:
        return log_e_value(above, rule.effect_scale)
    return log_e_bounded(above, rule.bound)


class Tested(NamedTuple):
    """The end of a sequential test: its outcome, the last log e-value, and the gains looked at."""

    outcome: ClaimOutcome
    log_e: float
    gains: Sequence[float]

    @property
    def held(self) -> bool:
        """Whether the claim was confirmed."""
        return self.outcome == "confirmed"

    @property
    def pairs(self) -> int:
        """How many gains decided: one for each seed, or pair of seeds."""
        return len(self.gains)


def sequential_test(
    rule: Rule, margin: float, level: float, look: Callable[[int], Sequence[float]]
) -> Tested:
    """Look at the first block of gains, then at a few more each time, until a claim is decided.

    The claim is that the mean gain exceeds `margin`. If it does not, the test confirms it with a
    chance of at most `level`, however often it looks (Ville 1939). `look(count)` returns the first
    `count` gains in the order of their seeds, in the unit of `margin`. It may return fewer where
    the evidence is finite: once a look brings nothing new, the outcome is `undecided`.

    An exception of `look` ends the test without an outcome. The test has no state of its own, so
    it can be started again and then reaches the outcome that it would have reached at once.
    """
    reached, gains = Reached("continue", 0.0), tuple[float, ...]()
    while reached.standing == "continue":
        seen = len(gains)
        more = rule.look if seen else rule.block
        gains = tuple(look(min(seen + more, rule.most)))
        if len(gains) <= seen:
            return Tested("undecided", reached.log_e, gains)
        reached = confirm(rule, gains, margin, level)
    return Tested(reached.standing, reached.log_e, gains)


def chance(rule: Rule, gain: Summary, level: float) -> float:
    """Predictive probability that a confirmation that goes on to the end will reach `level`.

    The effect is drawn from its posterior under a flat prior (Spiegelhalter et al. 1986), and the
    e-value's threshold is taken for the t statistic, or the mean, that it asks for. A stop for
    futility cannot make a false claim, so nothing rests on the approximation but cost.
    """
    left = rule.most - gain.pairs
    if rule.pooled is not None:
        sd = pooled.moderated(rule.pooled, gain.sd, gain.pairs)
        needed = pooled.needed_mean(rule.most, level, sd, rule.pooled)
        return _chance_of_mean(gain.model_copy(update={"sd": float(sd)}), float(needed), left)
    if rule.bound is not None:
        return _chance_of_mean(
            gain, float(needed_mean(rule.most, level, gain.sd, rule.bound)), left
        )
    needed = needed_t(rule, rule.most, level)
    if left <= 0:
        return float(gain.t >= needed)
    z = (math.sqrt(rule.most / gain.pairs) * gain.t - needed) / math.sqrt(left / gain.pairs)
    return math.erfc(-z / math.sqrt(2)) / 2


def _chance_of_mean(gain: Summary, needed: float, left: int) -> float:
    """Predictive probability that the mean after `left` more pairs is as high as `needed`."""
    error = gain.error * math.sqrt(left / (gain.pairs + left))
    if error <= 0:
        return float(gain.mean >= needed)
    return math.erfc((needed - gain.mean) / error / math.sqrt(2)) / 2


def needed_t(rule: Rule, pairs: int, level: float) -> float:
    """About the t statistic at which the e-value of so many pairs reaches one over `level`."""
    prior = math.log1p(pairs * rule.effect_scale**2) - 2 * math.log(2)
    return math.sqrt(max(0.0, prior - 2 * math.log(level)))
