"""Does a gain hold on workloads like these? Workloads are taken for a sample, as seeds are."""

import math
from collections.abc import Mapping
from typing import Literal

from ...tasks import Frozen
from ..records import Estimate

FAMILY = 0.05  # the chance that even one workload is wrongly called clearly worse
Transfer = Literal["transfers", "does not transfer", "unknown"]


class AcrossWorkloads(Frozen):
    """The mean gain over all workloads like the `workloads` measured, with its 95 % interval.

    `between` is the standard deviation of the true gains from workload to workload. A further
    workload has a gain from `further_low` to `further_high` in 95 % of cases. All but the count are
    in the metric's unit.
    """

    gain: float
    low: float
    high: float
    workloads: int
    between: float
    further_low: float
    further_high: float


def across(gains: Mapping[str, Estimate]) -> AcrossWorkloads | None:
    """The random-effects mean of the gains by workload; None for fewer than two workloads.

    The interval is that of Hartung and Knapp (2001) with Student's t of one degree less than there
    are workloads. They weigh alike, as they do in the metric, and it is never narrower than the
    seeds alone would make it (Roever, Knapp and Friede 2015). `between` is the method of moments
    (Hedges and Olkin 1985), and the range of a further one is after Higgins et al. (2009).
    """
    from scipy.special import stdtrit

    count = len(gains)
    if count < 2:
        return None
    mean = math.fsum(g.gain for g in gains.values()) / count
    variance = math.fsum((g.gain - mean) ** 2 for g in gains.values()) / (count - 1)
    noise = math.fsum(g.error**2 for g in gains.values()) / count
    quantile = float(stdtrit(count - 1, 0.975))
    square = max(variance, noise) / count
    between = math.sqrt(max(0.0, variance - noise))
    half, further = quantile * math.sqrt(square), quantile * math.sqrt(square + between**2)
    return AcrossWorkloads(
        gain=mean,
        low=mean - half,
        high=mean + half,
        workloads=count,
        between=between,
        further_low=mean - further,
        further_high=mean + further,
    )


def leave_one_out(gains: Mapping[str, Estimate]) -> dict[str, AcrossWorkloads]:
    """For each workload what the others say without it; nothing for fewer than three workloads."""
    others = {
        left: across({name: gain for name, gain in gains.items() if name != left}) for left in gains
    }
    return {name: rest for name, rest in others.items() if rest is not None}


def clearly_worse(gains: Mapping[str, Estimate], family: float = FAMILY) -> list[str]:
    """The workloads on which a program gets worse beyond doubt, the surest first.

    One-sided t tests under the rule of Holm (1979): whatever the workloads have to do with each
    other, the chance that even one is named wrongly is at most `family`.
    """
    ordered = sorted((_worse_by_luck(gain), name) for name, gain in gains.items())
    worse = []
    for rank, (luck, name) in enumerate(ordered):
        if luck > family / (len(ordered) - rank):
            break
        worse.append(name)
    return worse


def _worse_by_luck(gain: Estimate) -> float:
    """The chance that luck alone makes a gain look as bad as this; 1 without any loss."""
    from scipy.special import stdtr

    if gain.gain >= 0 or gain.pairs < 2:
        return 1.0
    return float(stdtr(gain.pairs - 1, gain.gain / gain.error)) if gain.error else 0.0


def identical(gain: Estimate) -> bool:
    """Whether two programs scored the same on every seed: the edit touches nothing there."""
    return gain.low == gain.gain == gain.high == 0


def transfer(gains: Mapping[str, Estimate], floor: float, worth: float) -> Transfer:
    """Whether a gain holds on workloads like these, which no search ran.

    It `transfers` where the interval of `across` lies above `floor`, and `does not transfer` where
    it lies below `worth`: 0 and the `minimum_gain` for a better program. Else nobody can say.
    """
    mean = across(gains)
    if mean is None:
        return "unknown"
    if mean.low > floor:
        return "transfers"
    return "does not transfer" if mean.high < worth else "unknown"
