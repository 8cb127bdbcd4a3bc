"""What a user asks of a search, and the refusal of budgets that do not reach for the least."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ..evals import Calibration, Rule
from ..tasks import Metric, Task
from .budget import Caps

# Counts of a rule where no score depends on its seed: the second one is the repetition.
TWICE: Mapping[str, Any] = {"first_look": 2, "screen": 2, "block": 2, "estimate": 2}
# Counts of a rule for few and dear trials. A screen is short, and lets less pass to a claim.
DEAR: Mapping[str, Any] = {
    "glance": 0,
    "first_look": 2,
    "screen": 4,
    "promote_t": 1.5,
    "block": 3,
    "look": 1,
    "most": 8,
}
SCARCE = 2  # first looks of a usual claim that a budget has to leave room for, or trials are dear
SEEDS, FREEDOM = 8, 14  # that the start and the baselines run and give, at least, where they are
REPEATED = 2  # trials of the renamed start, which a search does not need otherwise


class BudgetError(Exception):
    """The budget of a search cannot find the gain that its user cares about."""

    exit_code = 2


def dear_seeds(planted: int) -> int:
    """How many seeds the start and the baselines run where trials are dear.

    As many as leave `FREEDOM` degrees of freedom for the pooled spread, and `SEEDS` at least.
    """
    return max(SEEDS, 1 + math.ceil(FREEDOM / max(1, planted - 1)))


def fewest_trials(task: Task, standards: "Standards") -> int:
    """What a search takes at least: the start and the baselines, on the seeds that it needs."""
    planted = 1 + len(task.baselines)
    if standards.standard == "claim":
        return planted * dear_seeds(planted) + REPEATED
    return planted * Rule().estimate


def check_caps(task: Task, caps: Caps, fewest: int) -> None:
    """Raise BudgetError for a cap below the `fewest` trials of a search, or too small for a job."""
    if caps.trials is not None and caps.trials < fewest:
        raise BudgetError(
            f"--max-trials {caps.trials:g} is less than the start and the baselines of "
            f"{task.name} take: give {fewest} or more"
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

    def rule(
        self,
        calibration: Calibration,
        metric: Metric,
        share: float = 1.0,
        plan: "Plan | None" = None,
    ) -> Rule:
        """The rule of a run that asks for these standards, on a task with this noise.

        `share` is the part of `alpha` that a run under the control `archive` may spend. Whether
        trials are dear is a matter of the `plan`; without one they are not.
        """
        return Rule.model_validate(
            {
                "standard": self.standard,
                "control": self.control,
                "alpha": self.alpha,
                "share": share if self.control == "archive" else 1.0,
                "design": calibration.design,
                "glance": 0 if calibration.glance.misleading else Rule().glance,
                "bound": calibration.bound(metric),
                **self._regime(calibration, metric, plan),
            }
        )

    def _regime(
        self, calibration: Calibration, metric: Metric, plan: "Plan | None"
    ) -> Mapping[str, Any]:
        """What differs from the usual rule where nothing is random, or where trials are dear."""
        if self.standard != "claim":
            return {}
        if calibration.deterministic:
            return {"deterministic": True, "glance": 0, **TWICE}
        if plan is None or not plan.dear(calibration.seconds):
            return {}
        pooled, seeds = calibration.pooled_for(metric), dear_seeds(plan.planted)
        return {"bound": None, "pooled": pooled, "estimate": seeds, **DEAR}


class Plan(NamedTuple):
    """How long a search may take, None for no limit, and how many jobs it runs at a time.

    `planted` programs, the start and the baselines, are measured before anything else. `trials` is
    the most that it may run, None for no limit.
    """

    minutes: float | None
    workers: int
    planted: int
    trials: float | None = None

    @property
    def words(self) -> str:
        """What the plan bounds, such as `5 minutes and 90 trials`; "" if nothing."""
        minutes = [] if self.minutes is None else [f"{self.minutes:g} minutes"]
        trials = [] if self.trials is None else [f"{self.trials:g} trials"]
        return " and ".join(minutes + trials)

    @property
    def options(self) -> str:
        """The same as options of the command line."""
        minutes = [] if self.minutes is None else [f"--minutes {self.minutes:g}"]
        trials = [] if self.trials is None else [f"--max-trials {self.trials:g}"]
        return " ".join(minutes + trials)

    def pairs(self, calibration: Calibration, rule: Rule) -> int:
        """Pairs of seeds that are left for one confirmation, after planting and one screen."""
        return max(0, int(min(rule.most, self._pairs(calibration.seconds, rule))))

    def dear(self, seconds: float) -> bool:
        """Whether trials of so many `seconds` are few and dear.

        They are if a usual claim's first look takes more than a half of what planting and one
        screen by the usual rule leave of the budget.
        """
        return self._pairs(seconds, Rule()) < SCARCE * Rule().block

    def minutes_to_plant(self, calibration: Calibration, rule: Rule) -> float:
        """Minutes for measuring the start and the baselines."""
        return self.planted * rule.estimate * calibration.seconds / self.workers / 60

    def enough(self, pairs: int, calibration: Calibration, rule: Rule) -> "Plan":
        """A plan that is enough for planting, one screen and a confirmation on `pairs` pairs.

        It bounds what this one does, and no more strictly. Minutes have a fifth to spare.
        """
        trials = self._trials(pairs, rule)
        minutes = rounded_up(1.2 * trials * calibration.seconds / self.workers / 60)
        return self._replace(
            minutes=None if self.minutes is None else max(self.minutes, minutes),
            trials=None if self.trials is None else max(self.trials, trials),
        )

    def _trials(self, pairs: int, rule: Rule) -> int:
        return self.planted * rule.estimate + 2 * rule.screen + 2 * pairs

    def _pairs(self, seconds: float, rule: Rule) -> float:
        """Pairs that time and trials leave for one confirmation, negative if not even a screen."""
        trials = math.inf if self.trials is None else self.trials
        if self.minutes is not None:
            trials = min(trials, 60 * self.minutes * self.workers / max(seconds, 1e-9))
        return (trials - self._trials(0, rule)) / 2


def rounded_up(value: float) -> float:
    """The next number of two digits that is not below `value`."""
    near = float(f"{value:.2g}")
    step = 10.0 ** (math.floor(math.log10(near)) - 1)
    return near if near >= value else float(f"{near + step:.2g}")
