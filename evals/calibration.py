"""The noise of a task, measured before anything is judged by it."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from ..tasks import Frozen, Metric

FEWEST_CHANCES = 5  # below this, too little is known of a glance to forbid it
WORST_RATE = 0.1  # a glance that kills a larger share of the better programs is not used
BOUND = 3  # calibrated spreads that a single gain counts as at most: about 4 of a child's gains
UNLUCKY = 0.001  # the chance that a sound judge is called unsound
UNLIKELY = 0.005  # a p value below it says that the order of the seeds, or their jobs, matter
OUTLYING = 10.0  # robust standard deviations beyond which a gain is no noise of the usual kind
SKEWED = 2.0  # skewness to the left from which on a t statistic promises too much
MUCH_NOISE = 0.2  # share of a gain's variance that a grader should not exceed
HEAVIEST = 20.0  # spreads of a gain that one failed seed should weigh at most

Flaw = Literal["outliers", "skew", "drift", "jobs", "false claims"]


def unlucky(false: int, of: int, level: float) -> bool:
    """Whether more claims were false than a chance of `level` each explains (exact binomial)."""
    from scipy.special import bdtrc

    return false > 0 and bool(bdtrc(false - 1, of, level) <= UNLUCKY)


class SameAgainstSame(Frozen):
    """The reference against itself.

    `identical`: a copy that only reads differently scores the same to the last bit on the same
    seeds. Older calibrations also compared random halves of the reference's seeds, in place of
    `NoiseCheck`: `false` of `splits` claims held, with a chance of at most `level` each.
    """

    identical: bool
    splits: int = 0
    false: int = 0
    level: float = 0.0

    @property
    def expected(self) -> float:
        """How many false confirmations a sound judge makes at most, on average."""
        return self.splits * self.level

    @property
    def sound(self) -> bool:
        """Whether there were no more false confirmations than chance explains."""
        return not unlucky(self.false, self.splits, self.level)


class NoiseCheck(Frozen):
    """What the gains of programs that gain nothing look like, and what the judge makes of them.

    The gains are those of `programs` over the reference on `seeds` seeds, each centred at the
    margin and in its own standard deviations. `false` of `streams` claims held that were tested on
    gains drawn from them with replacement, though each may hold with a chance of at most `level`.
    Drawn are whole jobs of `per_job` seeds, where there are enough. `normal` is the most that held
    in as many sets of normal gains, None where that was not asked.

    `worst` is the largest distance from the median, in robust standard deviations, and `skew` the
    mean skewness. `correlation` is that of the gains of one job (intraclass), at most
    `correlation_high` (95 %), None where there are fewer than two jobs. `drift` and `jobs` are p
    values: that chance alone orders the seeds as much, and makes seeds of a job as much alike.
    """

    programs: int
    seeds: int
    per_job: int
    streams: int
    false: int
    level: float
    normal: int | None = None
    worst: float
    skew: float
    correlation: float | None = None
    correlation_high: float | None = None
    drift: float
    jobs: float | None = None

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        """What is wrong with this noise for the judge; empty where nothing is known to be."""
        flawed: Mapping[Flaw, bool] = {
            "outliers": self.worst > OUTLYING,
            "skew": self.skew < -SKEWED,
            "drift": self.drift < UNLIKELY,
            "jobs": self.jobs is not None and self.jobs < UNLIKELY,
            "false claims": self._too_many,
        }
        return tuple(name for name, is_flawed in flawed.items() if is_flawed)

    @property
    def _too_many(self) -> bool:
        """Whether more claims held than the level allows, and than few gains let hold by chance.

        Streams are drawn independently of each other, so the exact binomial tail bounds the first.
        Gains whose chances differ from stream to stream only make it smaller (Hoeffding 1956).
        """
        too_many = unlucky(self.false, self.streams, self.level)
        return too_many and self.false > (self.normal or 0)


class Crippled(Frozen):
    """A program made worse on purpose: its gain over the reference, and whether the judge saw it.

    `held` says that the claim "the reference is better" was confirmed, after `pairs` pairs.
    """

    gain: float
    error: float
    held: bool
    pairs: int


class Glances(Frozen):
    """How often a glance would have killed the better of two programs.

    `chances` counts pairs of planted programs of which one is better beyond its error on all
    workloads, and `wrong` those in which the glance ruins that one.
    """

    chances: int
    wrong: int

    @property
    def misleading(self) -> bool:
        """Whether the glance is known to kill too many better programs."""
        return self.chances >= FEWEST_CHANCES and self.wrong > WORST_RATE * self.chances


class GraderNoise(Frozen):
    """How much of the variance of one gain is made by the data that the grader draws.

    `share` lies between `low` and `high` with a confidence of 95 %. It rests on `programs` programs
    whose artefacts were each scored on two sealed draws, on `seeds` seeds. It is 0 where no score
    depends on the sealed seed, so that the grader draws nothing.
    """

    share: float = Field(ge=0, le=1)
    low: float = Field(ge=0, le=1)
    high: float = Field(ge=0, le=1)
    programs: int
    seeds: int


class Screens(Frozen):
    """The chances that a child whose gain is `effect` is dropped at the first look, and in all."""

    effect: float
    first_look: float
    screen: float


class Calibration(Frozen):
    """The noise of one task in one environment; spreads are in the metric's unit.

    `noise` is the standard deviation of the reference's score over seeds, `workloads` that by
    workload; `paired` and `unpaired` are those of its difference to a slightly changed copy, on the
    same seeds and on others (medians over `copies` copies), and `correlation` is that of the two
    scores on the same seeds. `usual` is the mean score of the reference, `grader` the grader's part
    of the noise; older archives have neither. `distant` is the smaller of the two spreads with a
    baseline in place of the copy (median over `baselines`). `failed` is the share of seeds without
    a score. Costs are of one trial: `cpu_seconds` of training, and `seconds` for which one worker
    is busy with it, by the quickest job, as another program's load can only add to that.
    """

    task: str
    environment: str
    reference: str
    seeds: int
    copies: int = 0
    usual: float | None = None
    noise: float = Field(ge=0)
    workloads: Mapping[str, float] = {}
    paired: float = Field(ge=0)
    unpaired: float = Field(ge=0)
    correlation: float = Field(default=0.0, ge=-1, le=1)
    distant: float | None = None
    baselines: int = 0  # older calibrations did not count them
    failed: float = Field(default=0.0, ge=0, le=1)
    cpu_seconds: float = Field(ge=0)
    seconds: float = Field(ge=0)
    same: SameAgainstSame
    noise_check: NoiseCheck | None = None  # older calibrations have none
    crippled: Crippled | None = None
    glance: Glances
    grader: GraderNoise | None = None
    screens: Screens | None = None

    @property
    def design(self) -> Literal["paired", "unpaired"]:
        """Whether common seeds make differences less noisy here."""
        return "paired" if self.paired <= self.unpaired else "unpaired"

    @property
    def spread(self) -> float:
        """Standard deviation of one gain under that design."""
        return min(self.paired, self.unpaired)

    @property
    def wide(self) -> float:
        """Standard deviation of one gain of a child that changes more than a number."""
        return max(self.spread, self.distant or 0.0)

    @property
    def deterministic(self) -> bool:
        """Whether every score repeats to the last bit: nothing here depends on a seed."""
        spreads = (self.noise, self.paired, self.unpaired, self.distant or 0.0, self.failed)
        return self.same.identical and not any(spreads)

    def bound(self, metric: Metric) -> float | None:
        """What a single gain may count as at most, in the metric's unit; None where all are alike.

        The spread is the larger one of near and far programs, and never below `minimum_gain`, so
        that a loss counts as several of the gains that matter.
        """
        return BOUND * max(self.wide, metric.minimum_gain) or None

    @property
    def passed(self) -> bool:
        """Whether the judge passed every check that was made."""
        saw_crippled = self.crippled is None or self.crippled.held
        usual = self.noise_check is None or not self.noise_check.flaws
        return self.same.identical and self.same.sound and saw_crippled and usual

    def failure_weight(self, metric: Metric) -> float | None:
        """How many spreads of a gain over a baseline one failed seed weighs, if that is known.

        Where there is no baseline, a gain of a slightly changed copy is taken.
        """
        spread = max(self.spread, self.distant or 0.0)
        if self.usual is None or not spread:
            return None
        return abs(metric.worst - self.usual) / spread
