"""What the checks of the judge found in a calibration, and from where on it is a fault."""

from collections.abc import Mapping
from typing import Literal

from ..tasks import Frozen

FEWEST_CHANCES = 5  # below this, too little is known of a glance to forbid it
WORST_RATE = 0.1  # a glance that kills a larger share of the better programs is not used
UNLUCKY = 0.001  # the chance that a sound judge is called unsound
UNLIKELY = 0.005  # a p value below it says that the order of the seeds, or their jobs, matter
OUTLYING = 10.0  # robust standard deviations beyond which a gain is no noise of the usual kind
SKEWED = 2.0  # skewness to the left from which on a t statistic promises too much

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
