"""The e-value of bounded gains, which needs no assumption about the shape of their noise.

One bets on the gain of each seed: a share of the stake is multiplied by 1 + bet * gain / bound. If
the mean of the bounded gains is not above zero, no bet gains on average, so the stake is an e-value
for any noise of independent seeds (Waudby-Smith and Ramdas 2024), and it may be looked at any time.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BETS = ((0.45, 0.3), (0.95, 0.7))  # each with its share of the stake
NEVER = -math.inf


def log_e_bounded(values: Sequence[float], bound: float) -> float:
    """Natural log of the e-value for a bounded mean above zero, after all of `values`.

    A value counts as at most `bound` either way. Raises ValueError without values.
    """
    import numpy as np

    return float(log_e_looks(np.array([values]), bound, [len(values)])[0, 0])


def log_e_looks(
    samples: "Array", bound: float, looks: Sequence[int], threshold: float = NEVER
) -> "Array":
    """`log_e_bounded` of each row of `samples`, [rows, n], after its first values: [rows, looks].

    `looks` are how many values that is, in ascending order.

    A loss beyond the bound is never forgiven: once a row has met one, the bound is doubled until it
    covers that loss, and the smallest e-value of all these bounds counts. Where the first is below
    `threshold` the others are not asked.
    """
    import numpy as np

    samples, starts = samples[:, : looks[-1]], [0, *looks[:-1]]
    log_e = _stake(samples, bound, starts)
    greatest = -np.minimum.accumulate(np.minimum.reduceat(samples, starts, axis=1), 1)
    while (beyond := (greatest > bound) & (log_e >= threshold)).any():
        rows, wider = beyond.any(1), 2 * bound
        stake = np.minimum(log_e[rows], _stake(samples[rows], wider, starts))
        log_e[rows] = np.where(greatest[rows] > bound, stake, log_e[rows])
        bound = wider
    return log_e


def _stake(samples: "Array", bound: float, starts: Sequence[int]) -> "Array":
    """The log of what the bets have made of a stake of one, before each start and at the end."""
    import numpy as np

    values = np.clip(samples / bound, -1.0, 1.0)
    shares = [
        np.add.reduceat(np.log1p(bet * values), starts, axis=1).cumsum(1) + math.log(share)
        for bet, share in BETS
    ]
    total: Array = np.logaddexp.reduce(shares)
    return total


def needed_mean(pairs: int, level: Any, sd: Any, bound: float) -> Any:
    """About the mean at which the e-value of so many pairs reaches one over `level`.

    `sd` is the standard deviation of a gain; it and `level` may be arrays.
    """
    import numpy as np

    square = np.minimum(np.square(sd) / bound**2, 1.0)
    needed = [-np.log(level * share) / (bet * pairs) + bet * square / 2 for bet, share in BETS]
    return bound * np.minimum.reduce(needed)
