"""How large an effect is, on seeds that selected nothing."""

import math
from collections.abc import Sequence

from ..records import Estimate, Summary


def summary(values: Sequence[float]) -> Summary:
    """Mean, sample standard deviation and count."""
    n, mean = len(values), math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    return Summary(mean=mean, sd=math.sqrt(variance), pairs=n)


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % t interval of gains. Fair only for seeds that selected nothing."""
    from scipy.special import stdtrit

    gain = summary(values)
    half = float(stdtrit(gain.pairs - 1, 0.975)) * gain.error
    return Estimate(gain=gain.mean, low=gain.mean - half, high=gain.mean + half, pairs=gain.pairs)


def shrunken(steps: Sequence[Summary]) -> list[float]:
    """Empirical-Bayes estimates of gains, each drawn towards zero by as much as noise explains.

    Normal effects around zero whose variance is what the spread of the gains leaves after their
    own errors (James and Stein 1961; Efron and Morris 1973).
    """
    if not steps:
        return []
    spread = math.fsum(step.mean**2 - step.error**2 for step in steps) / len(steps)
    spread = max(0.0, spread)
    return [
        step.mean * (spread / (spread + step.error**2) if spread + step.error**2 > 0 else 1.0)
        for step in steps
    ]
