"""How much two programs' scores differ from seed to seed."""

import math
from statistics import correlation, stdev
from typing import NamedTuple

from ...evals import Evaluation


class Spread(NamedTuple):
    """Standard deviations of a difference of scores, in the metric's unit.

    `paired` is that on the same seeds, `unpaired` that on different ones. `correlation` is that of
    the two scores on the same seeds.
    """

    paired: float
    unpaired: float
    correlation: float


def spread(reference: Evaluation, other: Evaluation, worst: float) -> Spread:
    """Spread over the seeds of `other`, the first of `reference`; failed ones count as `worst`."""
    old, new = reference.values(worst)[: len(other.trials)], other.values(worst)
    difference = stdev([b - a for a, b in zip(old, new, strict=True)])
    noisy = stdev(old) > 0 and stdev(new) > 0
    together = max(-1.0, min(1.0, correlation(old, new))) if noisy else 0.0
    return Spread(difference, math.hypot(stdev(old), stdev(new)), together)
