"""The records that pass between proposing, measuring, judging and archiving."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..sandbox import Status, digest_files
from ..sandbox.text import clean, line
from ..tasks import Frozen

# Whatever holds a candidate's or an agent's words is made harmless where the record is made.
LOG_CHARACTERS = 2000
Log = Annotated[str, AfterValidator(partial(clean, most=LOG_CHARACTERS))]
Words = Annotated[str, AfterValidator(line)]

Standing = Literal["invalid", "no gain", "promising", "confirmed", "refuted"]
Role = Literal["dev", "glance", "transfer"]
Outcome = Status | Literal["diverged"]


class Candidate(Frozen):
    """The editable files of a task, the idea behind them, and who proposed them."""

    files: Mapping[str, str]
    idea: Words
    proposer: Words

    @property
    def digest(self) -> str:
        """Content address: equal programs have equal digests, whatever the idea."""
        return digest_files({name: text.encode() for name, text in self.files.items()})[:16]


class Seed(Frozen):
    """One repeat: `train` goes to the candidate's sandbox, `sealed` to the grader's alone."""

    train: Annotated[int, Field(ge=0, lt=2**63)]
    sealed: Annotated[int, Field(ge=0, lt=2**63)]


class Trial(Frozen):
    """One seed's outcome. `score` is None exactly when the status is not "ok".

    `log` is untrusted text: the end of what a failed job printed, on the first of its seeds.
    """

    seed: Seed
    status: Outcome
    scores: Mapping[str, float | None] = {}
    score: float | None
    seconds: float = 0.0
    log: Log = ""

    @model_validator(mode="after")
    def _scored_when_ok(self) -> Self:
        if (self.score is None) == (self.status == "ok"):
            raise ValueError(f"a trial that is {self.status!r} cannot have score {self.score}")
        return self


class Evaluation(Frozen):
    """Trials of one candidate on the seeds of one stream, such as `confirm/12`."""

    stream: str
    trials: tuple[Trial, ...]

    def values(self, worst: float, workload: str | None = None) -> list[float]:
        """One score a seed, in the order of the seeds; `worst` stands in for those that failed."""
        scores = [
            trial.score if workload is None else trial.scores.get(workload) for trial in self.trials
        ]
        return [worst if score is None else score for score in scores]

    @property
    def failures(self) -> int:
        """How many seeds have no score."""
        return sum(trial.score is None for trial in self.trials)


class Estimate(Frozen):
    """A mean of paired gains with its 95 % interval, in the metric's unit."""

    gain: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        """Gain and half-width, as people write it."""
        return f"{self.gain:+.4f} ± {(self.high - self.low) / 2:.4f}"


class Verdict(Frozen):
    """What the evidence means. Only `confirmed` nodes become parents. `flags` are the audit's.

    `log_e` and `threshold` are natural logarithms of the e-value reached in confirmation and of
    the one it needed; `pairs` counts the fresh seeds spent there.
    """

    standing: Standing
    reason: Words
    screen_t: float | None = None
    log_e: float | None = None
    threshold: float | None = None
    pairs: int = 0
    estimate: Estimate | None = None
    flags: tuple[Words, ...] = ()
