"""What a user asks of a search, and the refusal of budgets that do not reach for the least."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ..evals import Calibration, Rule
from ..tasks import Metric, Task
from .budget import Caps

# Counts of a rule where no score depends on its seed: the second one is the repetition.
TWICE: Mapping[str, Any] = {"first_look": 2, "screen": 2, "block": 2, "estimate": 2}


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
    control: Literal["familywise", "fdr", "archive"] = "familywise"
    alpha: float = 0.05
    schedule: Literal["adaptive", "fixed"] = "adaptive"
    effect: float | None = None

    def rule(self, calibration: Calibration, metric: Metric, share: float = 1.0) -> Rule:
        """The rule of a run that asks for these standards, on a task with this noise.

        `share` is the part of `alpha` that a run under the control `archive` may spend.
        """
        few = TWICE if calibration.deterministic and self.standard == "claim" else {}
        return Rule(
            standard=self.standard,
            control=self.control,
            alpha=self.alpha,
            share=share if self.control == "archive" else 1.0,
            design=calibration.design,
            glance=0 if calibration.glance.misleading or few else Rule().glance,
            bound=calibration.bound(metric),
            deterministic=bool(few),
            **few,
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


def rounded_up(value: float) -> float:
    """The next number of two digits that is not below `value`."""
    near = float(f"{value:.2g}")
    step = 10.0 ** (math.floor(math.log10(near)) - 1)
    return near if near >= value else float(f"{near + step:.2g}")
