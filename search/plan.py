"""What a search may spend, what that can find, and the refusal of a budget that cannot find it."""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from ..archive import Archive
from ..evals import Calibration, Keys, Rule, judge
from ..evals.judge.power import detectable, pairs_needed, power, race_power
from ..tasks import Metric, Task
from .budget import Caps
from .lab import Lab
from .studies.calibrate import calibrated, stored

CHANCE = 0.8  # with which a gain has to be found to count as findable
OFTEN = "4 times in 5"  # CHANCE in words


class BudgetError(Exception):
    """The budget of a search cannot find the gain that its user cares about."""

    exit_code = 2


def check_caps(task: Task, caps: Caps) -> None:
    """Raise BudgetError for a cap too small for the start and the baselines, or for one job."""
    planted = 1 + len(task.baselines)
    least = planted * Rule().estimate
    if caps.trials is not None and caps.trials < least:
        raise BudgetError(
            f"--max-trials {caps.trials:g} is less than the start and the baselines of "
            f"{task.name} take: {planted} programs on {Rule().estimate} seeds: give {least} or more"
        )
    job = task.limits.gpus * task.limits.wall_seconds
    if caps.gpu_seconds is not None and caps.gpu_seconds < job:
        raise BudgetError(
            f"--max-gpu-seconds {caps.gpu_seconds:g} is less than one job of {task.name} may take: "
            f"give {job:g} or more"
        )


def check_bounded(task: Task, caps: Caps, asks: bool) -> None:
    """Raise BudgetError where no cap bounds anything that this search uses.

    `asks` says whether anybody in it asks a language model.
    """
    used = {"trials"} | ({"tokens", "dollars"} if asks else set())
    used |= {"gpu_seconds"} if task.limits.gpus else set()
    given = set(caps.model_dump(exclude_none=True))
    if not given & used:
        names = " and ".join(f"--max-{name.replace('_', '-')}" for name in sorted(given))
        raise BudgetError(
            f"{names} alone would never end this search, which uses none of that: "
            "add --minutes, --turns or --max-trials"
        )


class Standards(NamedTuple):
    """What a user asks of a run's verdicts. `effect` is the smallest gain that matters, if any."""

    standard: Literal["claim", "explore"] = "claim"
    control: Literal["familywise", "fdr"] = "familywise"
    alpha: float = 0.05
    schedule: Literal["adaptive", "fixed"] = "adaptive"
    effect: float | None = None

    def rule(self, calibration: Calibration) -> Rule:
        """The rule of a run that asks for these standards, on a task with this noise."""
        return Rule(
            standard=self.standard,
            control=self.control,
            alpha=self.alpha,
            design=calibration.design,
            glance=0 if calibration.glance.misleading else Rule().glance,
        )


class Plan(NamedTuple):
    """How long a search may take, None for no limit, and how many jobs it runs at a time.

    `planted` programs, the start and the baselines, are measured before anything else.
    """

    minutes: float | None
    workers: int
    planted: int

    def pairs(self, calibration: Calibration, rule: Rule) -> int:
        """Pairs of seeds that time leaves for one confirmation, after planting and one screen."""
        if self.minutes is None:
            return rule.most
        trials = 60 * self.minutes * self.workers / max(calibration.seconds, 1e-9)
        return max(0, min(rule.most, int((trials - self._before(rule)) / 2)))

    def minutes_to_plant(self, calibration: Calibration, rule: Rule) -> float:
        """Minutes for measuring the start and the baselines."""
        return self.planted * rule.estimate * calibration.seconds / self.workers / 60

    def minutes_for(self, pairs: int, calibration: Calibration, rule: Rule) -> float:
        """Minutes for planting, one screen and a confirmation on `pairs` pairs of seeds."""
        return (self._before(rule) + 2 * pairs) * calibration.seconds / self.workers / 60

    def _before(self, rule: Rule) -> int:
        return self.planted * rule.estimate + 2 * rule.screen


class Instrument(NamedTuple):
    """What a run judges with: the noise of a task, the rule, and the metric of both."""

    calibration: Calibration
    rule: Rule
    metric: Metric

    @property
    def most(self) -> int:
        """The most pairs of seeds that one comparison takes."""
        return self.rule.most if self.rule.standard == "claim" else self.rule.race

    def chance(self, gain: float, pairs: int) -> float:
        """The probability that `pairs` pairs of seeds show a true gain, in the metric's unit."""
        if self.rule.standard == "explore":
            spread = self.calibration.spread
            return 0.0 if pairs < self.most else race_power(self.rule, gain / max(spread, 1e-12))
        sds = self.calibration.in_sds(gain, self.metric)
        return power(self.rule, sds, judge.level(self.rule, []), pairs).chance if sds > 0 else 0.0

    def least(self, pairs: int) -> float | None:
        """The smallest gain that `pairs` pairs of seeds show with probability `CHANCE`, if any."""
        if self.rule.standard == "explore":
            low, high = 0.0, 4 * self.calibration.spread
            for _ in range(20 if pairs >= self.most else 0):
                middle = (low + high) / 2
                low, high = (
                    (low, middle) if self.chance(middle, pairs) >= CHANCE else (middle, high)
                )
            return high if pairs >= self.most else None
        sds = detectable(self.rule, judge.level(self.rule, []), CHANCE, pairs)
        return None if sds is None else self.calibration.in_units(sds, self.metric)

    def pairs_for(self, gain: float) -> int | None:
        """How many pairs of seeds show a gain with probability `CHANCE`; None if `most` do not."""
        if self.rule.standard == "explore":
            return self.most if self.chance(gain, self.most) >= CHANCE else None
        sds = self.calibration.in_sds(gain, self.metric)
        return pairs_needed(self.rule, sds, judge.level(self.rule, []), CHANCE) if sds > 0 else None


def agree_rule(
    lab: Lab,
    archive: Archive,
    keys: Keys,
    standards: Standards,
    plan: Plan,
    say: Callable[[str], object],
) -> Rule:
    """The rule that suits the task's noise, which is measured now if it never was.

    Says what the budget can find; raises BudgetError if that is not enough. A calibration that is
    measured here draws from the run's own keys, so that a run can be repeated exactly.
    """
    task = lab.task
    if stored(lab, archive) is None:
        say(
            f"calibrating {task.name}: measuring its noise, "
            "once for this task, this machine and these versions ..."
        )
    calibration = calibrated(lab, archive, Rule(), keys, workers=plan.workers)
    rule = standards.rule(calibration)
    if not calibration.passed:
        say(f"!! a check of the judge failed here: read `ratchet calibrate {task.name}`")
    planting = plan.minutes_to_plant(calibration, rule)
    if plan.minutes is not None and plan.minutes < planting:
        raise BudgetError(
            f"--minutes {plan.minutes:g} is less than the start and the baselines take here: "
            f"give {_minutes(planting)} or more"
        )
    say(foresee(Instrument(calibration, rule, task.metric), plan, standards.effect))
    return rule


def foresee(instrument: Instrument, plan: Plan, effect: float | None) -> str:
    """What the budget can find, in one line; raises BudgetError where it cannot find `effect`."""
    unit = instrument.metric.unit
    pairs = min(instrument.most, plan.pairs(instrument.calibration, instrument.rule))
    least = instrument.least(pairs)
    comparison = f"one comparison of at most {instrument.most} seeds"
    if plan.minutes is not None and pairs < instrument.most:
        comparison = f"{plan.minutes:g} minutes, which leave {pairs} seeds for one comparison,"
    if effect is not None and instrument.chance(effect, pairs) < CHANCE:
        raise BudgetError(_refusal(instrument, plan, effect, comparison, pairs, least))
    if least is None:
        fewest = instrument.rule.block if instrument.rule.standard == "claim" else instrument.most
        whole = plan.minutes_for(fewest, instrument.calibration, instrument.rule)
        return (
            f"this budget can confirm nothing: to measure the start and the baselines and to put "
            f"one proposal to the test takes {_minutes(whole)} minutes or more"
        )
    what = f"gains of {least:.2g} {unit} and more"
    return f"this budget can find {what}: {comparison} finds them {OFTEN}, smaller ones more rarely"


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
    share = instrument.chance(effect, pairs)
    mends = []
    needed = instrument.pairs_for(effect)
    if needed is not None and plan.minutes is not None:
        longer = plan.minutes_for(needed, instrument.calibration, instrument.rule)
        mends.append(f"--minutes {_minutes(longer)}")
    if least is not None:
        mends.append(f"--effect {rounded_up(least):g}")
    if not mends:
        mends.append("more --minutes and a larger --effect")
    return (
        f"a gain of {effect:g} {unit} would be found in {100 * share:.0f} % of cases, and "
        f"{100 * CHANCE:.0f} % are wanted: {comparison} cannot tell it from noise "
        f"({instrument.calibration.spread:.2g} {unit} a seed): give {' or '.join(mends)}"
    )


def _minutes(minutes: float) -> str:
    """A number of minutes in two digits, with a fifth to spare."""
    return f"{rounded_up(1.2 * minutes):g}"


def rounded_up(value: float) -> float:
    """The next number of two digits that is not below `value`."""
    near = float(f"{value:.2g}")
    step = 10.0 ** (math.floor(math.log10(near)) - 1)
    return near if near >= value else float(f"{near + step:.2g}")
