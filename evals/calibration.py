"""The noise of a task, measured before anything is judged by it."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from ..tasks import Frozen, Metric
from .checks import Crippled, Glances, NoiseCheck, SameAgainstSame
from .rule import PooledSpread

LEAST = 1 / 3  # of `minimum_gain`: a pooled spread is never taken to be less
BOUND = 3  # calibrated spreads that a single gain counts as at most: about 4 of a child's gains
MUCH_NOISE = 0.2  # share of a gain's variance that a grader should not exceed
HEAVIEST = 20.0  # spreads of a gain that one failed seed should weigh at most


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
    of the noise. `distant` is the smaller of the two spreads with a baseline in place of the copy
    (median over `baselines`), `pooled` the spread of a gain of the reference and the baselines over
    each other, by all their scores. `failed` is the share of seeds without a score. Costs are of
    one trial: `cpu_seconds` of training, and `seconds` for which one worker is busy with it, by the
    quickest job, as another program's load can only add to that. Older archives lack some of these.

    `worst` and `minimum_gain` are those of the metric, where the task leaves them to a calibration.

    A `quick` one measured no copies and checked nothing but that a renamed reference scores alike.
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
    pooled: PooledSpread | None = None
    worst: float | None = None
    minimum_gain: float | None = None
    quick: bool = False

    @property
    def compared(self) -> int:
        """On how many seeds others were compared with the reference."""
        return self.seeds if self.quick else max(2, self.seeds // 2)

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

    def pooled_for(self, metric: Metric) -> PooledSpread:
        """What claims of few and dear pairs start from: thrice it is at least `minimum_gain`.

        An older calibration gives the larger of its two spreads, with one comparison's freedom.
        """
        pooled = self.pooled or PooledSpread(sd=self.wide, freedom=self.compared - 1)
        return pooled.model_copy(update={"sd": max(pooled.sd, LEAST * metric.minimum_gain)})

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
