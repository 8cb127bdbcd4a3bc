"""What a budget can find in a task's noise; one that cannot find what matters is refused."""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import median
from typing import NamedTuple

from ..archive import Archive
from ..evals import Calibration, Claim, Keys, Rule, judge
from ..evals.judge.power import lost, pairs_needed, race_power
from ..evals.judge.reach import detectable, shown
from ..tasks import Metric
from .lab import Lab
from .plan import BudgetError, Plan, Standards, rounded_up
from .series import share, warning
from .studies.known import suited
from .studies.spread import earlier_spreads

CHANCE = 0.8  # with which a gain has to be found to count as findable
OFTEN = "4 times in 5"  # CHANCE in words
LATER = 5  # the number of the claim for which a forecast says how much more rarely it holds
FEWEST = 3  # earlier claims whose spread a forecast uses, at least
SIZES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0, 1.5)  # sd, at which a screen is simulated
SHORT = 2.0  # times these sizes, for the short screen of dear trials
STEPS = 10  # halvings of the interval in which the smallest gain lies
_UNHELD = Claim(
    says="better", versus=0, held=False, level=0.0, log_e=0.0, stream="", pairs=0, evidence=""
)


class Instrument(NamedTuple):
    """What a run judges with: the noise of a task, the rule, and the metric of both.

    `claimed` are the standard deviations of a gain in earlier claims of the task.
    """

    calibration: Calibration
    rule: Rule
    metric: Metric
    claimed: tuple[float, ...] = ()

    @property
    def most(self) -> int:
        """The most pairs of seeds that one comparison takes."""
        return self.rule.most if self.rule.standard == "claim" else self.rule.race

    @property
    def spread(self) -> float:
        """The standard deviation of one gain that the children of a search are expected to have.

        Children differ more from their parent than copies with one number changed do.
        """
        enough = len(self.claimed) >= FEWEST
        return median(self.claimed) if enough else self.calibration.wide

    @property
    def basis(self) -> str:
        """What `spread` was measured on."""
        known, seeds = self.calibration, self.calibration.compared
        if len(self.claimed) >= FEWEST:
            return f"the median of {len(self.claimed)} earlier claims of this task"
        if known.distant is not None and known.distant >= known.spread:
            if known.baselines == 1:
                return f"as the baseline differs from the start, on {seeds} seeds"
            count = f"{known.baselines} baselines" if known.baselines else "the baselines"
            return f"the median of {count}, on {seeds} seeds each"
        if not known.copies:
            return f"as two copies of the start that share no seed differ, by {known.seeds} seeds"
        return f"the median of {known.copies} slightly changed copies, on {seeds} seeds each"

    def chance(self, gain: float, pairs: int, number: int = 1) -> float:
        """The probability that a proposal with this true gain, in the metric's unit, is found.

        It has to pass the screen, and then `pairs` pairs of seeds have to show it. Its claim is the
        `number`-th of the run, and none before it held.
        """
        return self.passes(gain) * self._shows(gain, pairs, number)

    def passes(self, gain: float) -> float:
        """The probability that the screen lets a proposal with this true gain pass."""
        import numpy as np

        sizes = _sizes(self.rule)
        sds = gain / self.spread if self.spread else sizes[-1]
        return float(np.interp(sds, sizes, _passing(self.rule, self.metric)))

    def least(self, pairs: int, number: int = 1) -> float | None:
        """The smallest gain that `pairs` pairs of seeds find with probability `CHANCE`, if any."""
        low = 0.0
        if self.rule.standard == "claim":
            sds = detectable(self.rule, self._level(number), CHANCE, pairs, self.spread)
            if sds is None:
                return None
            low = self.metric.minimum_gain + sds * self.spread
        elif pairs < self.most:
            return None
        high = low + 4 * self.spread
        for _ in range(STEPS):
            middle = (low + high) / 2
            enough = self.chance(middle, pairs, number) >= CHANCE
            low, high = (low, middle) if enough else (middle, high)
        return high

    def pairs_for(self, gain: float) -> int | None:
        """How many pairs of seeds find a gain with probability `CHANCE`; None if `most` do not."""
        if self.rule.standard == "explore":
            return self.most if self.chance(gain, self.most) >= CHANCE else None
        sds, wanted = self._in_sds(gain), CHANCE / max(self.passes(gain), 1e-9)
        if sds <= 0 or wanted > 1:
            return None
        return pairs_needed(self.rule, sds, self._level(1), wanted, self.spread)

    def _shows(self, gain: float, pairs: int, number: int) -> float:
        """The probability that a comparison shows a gain that passed the screen."""
        if self.rule.standard == "explore":
            sds = gain / max(self.spread, 1e-12)
            return race_power(self.rule, sds) if pairs >= self.most else 0.0
        sds = self._in_sds(gain)
        if sds <= 0:
            return 0.0
        return shown(self.rule, sds, self._level(number), pairs, self.spread)

    def _in_sds(self, gain: float) -> float:
        """Standard deviations of one gain by which `gain` exceeds what is worth claiming."""
        above = gain - self.metric.minimum_gain
        return above / self.spread if self.spread else math.copysign(math.inf, above)

    def _level(self, number: int) -> float:
        """The level of the claim with this number, where none before it held."""
        return judge.level(self.rule, [_UNHELD] * (number - 1))


@lru_cache(maxsize=16)
def _passing(rule: Rule, metric: Metric) -> tuple[float, ...]:
    """The probability that gains of these `_sizes` pass the screen."""
    return tuple(1 - lost(rule, size, metric).screen for size in _sizes(rule))


def _sizes(rule: Rule) -> tuple[float, ...]:
    """Gains in sd, of which the last always passes the screen."""
    return tuple(SHORT * size for size in SIZES) if rule.pooled else SIZES


def agree_rule(
    lab: Lab,
    archive: Archive,
    keys: Keys,
    standards: Standards,
    plan: Plan,
    say: Callable[[str], object],
) -> Rule:
    """The rule that suits the task's noise and the budget. The noise is measured if it never was.

    Says what the budget can find; raises BudgetError if that is not enough. A calibration that is
    measured here draws from the run's own keys, so that a run can be repeated exactly.
    """
    claims = standards.standard == "claim"
    calibration = suited(lab, archive, keys, plan, claims, say)
    task = lab.task  # with what the calibration measured for it
    rule = standards.rule(calibration, task.metric, share(archive, task.digest), plan)
    if claims:
        say(f"regime: {judge.regime_words(rule)}")
    if rule.control != "archive" and (words := warning(archive, task, rule.alpha)):
        say(words)
    if not calibration.passed:
        say(f"!! a check of the judge failed here: read `ratchet calibrate {task.name}`")
    planting = plan.minutes_to_plant(calibration, rule)
    if plan.minutes is not None and plan.minutes < planting:
        raise BudgetError(
            f"--minutes {plan.minutes:g} is less than the start and the baselines take here: "
            f"give {rounded_up(1.2 * planting):g} or more"
        )
    claimed = earlier_spreads(archive, task.digest)
    say(foresee(Instrument(calibration, rule, task.metric, claimed), plan, standards.effect))
    return rule


def foresee(instrument: Instrument, plan: Plan, effect: float | None) -> str:
    """What the budget can find, in sentences; raises BudgetError where it cannot find `effect`."""
    unit = instrument.metric.unit
    pairs = min(instrument.most, plan.pairs(instrument.calibration, instrument.rule))
    least = instrument.least(pairs)
    comparison = f"one comparison of at most {instrument.most} seeds"
    if pairs < instrument.most:
        comparison = f"{plan.words}, which leave {pairs} seeds for one comparison,"
    if effect is not None and instrument.chance(effect, pairs) < CHANCE:
        raise BudgetError(_refusal(instrument, plan, effect, comparison, pairs, least))
    if least is None:
        fewest = instrument.rule.block if instrument.rule.standard == "claim" else instrument.most
        whole = plan.enough(fewest, instrument.calibration, instrument.rule).words
        return (
            f"this budget can confirm nothing: to measure the start and the baselines and to put "
            f"one proposal to the test takes {whole} or more"
        )
    return (
        f"this budget can find gains of {least:.2g} {unit} and more: {comparison} finds them "
        f"{_how_often(instrument, least, pairs)}. What the screen loses is counted. The spread of "
        f"one gain is taken to be {instrument.spread:.2g} {unit}, {instrument.basis}"
    )


def _how_often(instrument: Instrument, gain: float, pairs: int) -> str:
    """In how many of ten cases a gain is found that is found `OFTEN` at best."""
    if instrument.rule.standard == "explore":
        return f"{OFTEN}, smaller ones more rarely"
    later = instrument.chance(gain, pairs, LATER)
    return (
        f"{OFTEN} by the first claim of a run, {100 * later:.0f} times in 100 by claim {LATER} if "
        f"none held before, and smaller ones more rarely"
    )


def _refusal(
    instrument: Instrument,
    plan: Plan,
    effect: float,
    comparison: str,
    pairs: int,
    least: float | None,
) -> str:
    """Why an effect will not be found, and what to do about it."""
    unit, smallest = instrument.metric.unit, instrument.metric.minimum_gain
    if instrument.rule.standard == "claim" and effect <= smallest:
        return (
            f"a gain of {effect:g} {unit} is not more than the {smallest:g} that the task counts "
            f"as worth claiming: give an --effect above that"
        )
    often = instrument.chance(effect, pairs)
    mends = []
    needed = instrument.pairs_for(effect)
    if needed is not None and plan.words:
        mends.append(plan.enough(needed, instrument.calibration, instrument.rule).options)
    if least is not None:
        mends.append(f"--effect {rounded_up(least):g}")
    if not mends:
        mends.append("more --minutes and a larger --effect")
    return (
        f"a gain of {effect:g} {unit} would be found in {100 * often:.0f} % of cases by the first "
        f"claim of a run, and {100 * CHANCE:.0f} % are wanted: the screen and {comparison} cannot "
        f"tell it from noise ({instrument.spread:.2g} {unit} a seed, {instrument.basis}): "
        f"give {' or '.join(mends)}"
    )
