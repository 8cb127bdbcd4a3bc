"""The records that pass between proposing, measuring, judging and archiving."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..sandbox import Status, digest_files
from ..sandbox.text import clean, line
from ..tasks import Frozen
from .rule import Rule

# Text of candidates and agents is made harmless where the record is made.
LOG_CHARACTERS = 2000
Log = Annotated[str, AfterValidator(partial(clean, most=LOG_CHARACTERS))]
Words = Annotated[str, AfterValidator(line)]

GREATEST = 1e100  # of scores: beyond it statistics overflow, so a larger one has diverged

Standing = Literal[
    "invalid", "no gain", "promising", "confirmed", "repeated", "unproven", "refuted"
]
Split = Literal["dev", "glance", "further", "transfer"]
TrialStatus = Status | Literal["diverged"]


class Candidate(Frozen):
    """The editable files of a task, the idea behind them, and who proposed them.

    `notes` say why it was made, by heading, such as `hypothesis`. `parent` is the node that it
    changes, if its proposer took another than the one it was given.
    """

    files: Mapping[str, str]
    idea: Words
    proposer: Words
    notes: Mapping[str, Log] = {}
    parent: int | None = None

    @property
    def digest(self) -> str:
        """Content address: equal programs have equal digests, whatever the idea."""
        return digest_files({name: text.encode() for name, text in self.files.items()})[:16]


class Seed(Frozen):
    """The numbers that one trial is drawn with.

    `train` goes to the candidate's sandbox, `sealed` to the grader's alone. `data` draws the task's
    data, the same for all seeds of a run; 0 is for the published data.
    """

    train: Annotated[int, Field(ge=0, lt=2**63)]
    sealed: Annotated[int, Field(ge=0, lt=2**63)]
    data: Annotated[int, Field(ge=0, lt=2**63)] = 0


class Trial(Frozen):
    """One seed of a candidate: its scores by workload, and their mean in the metric's unit.

    `score` is None exactly when the status is not "ok". `seconds` are its share of the job's CPU
    time. `log` is untrusted text: the end of what a failed job printed, on the first of its seeds.
    """

    seed: Seed
    status: TrialStatus
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
        """The score of every seed, in their order, over all workloads or on one.

        `worst` stands in for a seed that failed.
        """
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
    pairs: int = Field(ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.gain <= self.high:
            raise ValueError(f"{self.low} <= {self.gain} <= {self.high} does not hold")
        return self

    @property
    def error(self) -> float:
        """Standard error of the gain."""
        from scipy.special import stdtrit

        return (self.high - self.low) / 2 / float(stdtrit(self.pairs - 1, 0.975))

    def __str__(self) -> str:
        """Gain and half-width, as people write it."""
        return f"{self.gain:+.4f} ± {(self.high - self.low) / 2:.4f}"


class Summary(Frozen):
    """Mean and sample standard deviation of gains, in the metric's unit, and how many."""

    mean: float
    sd: float = Field(ge=0)
    pairs: int = Field(ge=1)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(self.pairs)

    @property
    def t(self) -> float:
        """Student's t of the mean against zero, capped to +-99 where there is no spread."""
        if self.sd <= 1e-12 * abs(self.mean):
            return math.copysign(99.0, self.mean) if self.mean else 0.0
        return max(-99.0, min(99.0, self.mean / self.error))


class Claim(Frozen):
    """One statement that was put to fresh seeds: `better` than a node, or `simpler` and as good.

    The mean gain over node `versus` on the first `pairs` seeds of `stream` was to exceed the rule's
    margin. The claim `held` if its e-value reached one over `level`, its share of the run's error
    budget; `log_e` is the natural log of the e-value. `gated` claims were made only because the
    claim before them held, and may be on its stream. Those that were `behind` had no hope of
    reaching the best planted program, and live on a part of the budget of their own. `turn` is that
    of the run which tested it, and `evidence` the digest of the gains. On `failed` of the seeds the
    child had no score. A claim is `void`, and did not hold, where its evidence depended on the
    seeds that were measured beside each other.

    `gain` sums those gains up. Where the design is unpaired, `scores` does so for the scores of the
    node and of `versus`, as gains over the metric's worst value. Older archives have none of these.
    """

    says: Literal["better", "simpler"]
    versus: int
    held: bool
    gated: bool = False
    turn: int = 0
    level: float = Field(ge=0, le=1)
    log_e: float
    stream: str
    pairs: int = Field(ge=0)
    evidence: str
    failed: int | None = Field(default=None, ge=0)
    void: bool = False
    behind: bool = False
    gain: Summary | None = None
    scores: tuple[Summary, Summary] | None = None


class Verdict(Frozen):
    """The judge's decision on a node, with the evidence for it and the rule it was judged by.

    A claim that holds makes a node `confirmed`, or `repeated` where programs state their own
    scores. Only such nodes become parents, and under the standard `explore` the winners of races,
    which stay `promising`. `screen` sums up the gains over the parent on search seeds; `claims`
    were put to fresh ones; `estimate` is the gain over the parent on seeds that had no part in
    either. `evidence` is the digest of the gains that decided. `flags` are the audit's.
    `company_checked` says that what kept the node came out the same with other seeds beside it;
    older archives did not ask.
    """

    standing: Standing
    reason: Words
    rule: Rule | None = None  # verdicts of older archives, and those without evidence, name none
    evidence: str = ""
    screen: Summary | None = None
    claims: tuple[Claim, ...] = ()
    estimate: Estimate | None = None
    flags: tuple[Words, ...] = ()
    company_checked: bool = False
