"""The noise of a task, measured before anything is judged by it."""

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from ..tasks import Frozen, Metric

FEWEST_CHANCES = 5  # below this, too little is known of a glance to forbid it
WORST_RATE = 0.1  # a glance that kills a larger share of the better programs is not used
UNLUCKY = 0.001  # the chance that a sound judge is called unsound


class SameAgainstSame(Frozen):
    """The reference against itself, where every gain that is confirmed is a false one.

    `identical`: a copy that only reads differently scores the same to the last bit on the same
    seeds. `false` of `splits` confirmations between two random halves of the reference's own seeds
    held, though each may do so with a chance of at most `level`.
    """

    identical: bool
    splits: int
    false: int
    level: float

    @property
    def expected(self) -> float:
        """How many false confirmations a sound judge makes at most, on average."""
        return self.splits * self.level

    @property
    def sound(self) -> bool:
        """Whether there were no more false confirmations than chance explains."""
        from scipy.special import bdtrc

        return self.false == 0 or bdtrc(self.false - 1, self.splits, self.level) > UNLUCKY


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
    scores on the same seeds. `distant` is the smaller of the two spreads with a baseline in place
    of the copy (median). `failed` is the share of seeds without a score. Costs are of one trial:
    `cpu_seconds` of training, and `seconds` for which one worker is busy with it, by the quickest
    job, as another program's load can only add to that.
    """

    task: str
    environment: str
    reference: str
    seeds: int
    copies: int = 0
    noise: float = Field(ge=0)
    workloads: Mapping[str, float] = {}
    paired: float = Field(ge=0)
    unpaired: float = Field(ge=0)
    correlation: float = Field(default=0.0, ge=-1, le=1)
    distant: float | None = None
    failed: float = Field(default=0.0, ge=0, le=1)
    cpu_seconds: float = Field(ge=0)
    seconds: float = Field(ge=0)
    same: SameAgainstSame
    crippled: Crippled | None = None
    glance: Glances
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
    def passed(self) -> bool:
        """Whether the judge passed every check that was made."""
        saw_crippled = self.crippled is None or self.crippled.held
        return self.same.identical and self.same.sound and saw_crippled

    def in_sds(self, effect: float, metric: Metric) -> float:
        """Standard deviations of one gain by which the gain `effect` exceeds `minimum_gain`."""
        above = effect - metric.minimum_gain
        return above / self.spread if self.spread else math.copysign(math.inf, above)

    def in_units(self, sds: float, metric: Metric) -> float:
        """The gain that is `sds` standard deviations above `minimum_gain`, in the metric's unit."""
        return metric.minimum_gain + sds * self.spread
