"""The e-value for few and dear trials, which takes the spread of a gain from other comparisons.

Three to eight pairs hardly show how much gains vary. Comparisons that were made before them do. So
two e-values are formed, and the smaller one counts. The first takes the spread to be at most an
upper confidence bound by those comparisons, and the second takes it from the pairs alone (the t
e-value of Perez-Ortiz et al. 2022). The first guards against pairs that lie close together by luck,
and the second against a child that is noisier than all that was seen before.

With normal gains the second alone is an e-value, whatever their spread is.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..records import Claim
from ..rule import PooledSpread, Rule
from .evalue import t_log_e_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

OWN, BOUNDED = 4.0, 1.5  # widths of the prior on the gain, in spreads of the pairs and in bounds
SHARE = 0.2  # of a claim's level: the chance that the bound is too low


def spread_between(programs: Sequence[Sequence[float]], paired: bool) -> PooledSpread | None:
    """The spread of a gain of one program over another, pooled over all of them.

    `programs` are their scores on the same seeds, two or more. In a `paired` design what all share
    on a seed is left out: the residuals of a two-way layout. With one program its own noise counts
    for both sides. None without any program or with one seed.
    """
    if not programs or len(programs[0]) < 2:
        return None
    rows, seeds = [list(row) for row in programs], len(programs[0])
    freedom = len(rows) * (seeds - 1)
    if paired and len(rows) > 1:
        shared = [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]
        rows = [[y - x for y, x in zip(row, shared, strict=True)] for row in rows]
        freedom -= seeds - 1
    squares = math.fsum((value - math.fsum(row) / seeds) ** 2 for row in rows for value in row)
    return PooledSpread(sd=math.sqrt(2 * squares / freedom), freedom=freedom)


def pooled_so_far(rule: Rule, earlier: Sequence[Claim]) -> Rule:
    """The rule for the next claim: its pooled spread also counts the pairs of all claims so far.

    They make the spread surer and may make it larger, never smaller than before the first claim: a
    child that hardly differs from its parent says nothing of others. Claims on seeds that an
    earlier one has used, void claims and those of less code are left out.
    """
    if rule.pooled is None:
        return rule
    before = rule.pooled
    counted = [
        claim.gain
        for claim in earlier
        if claim.gain is not None
        and claim.gain.sd > 0
        and claim.says == "better"
        and not (claim.gated or claim.void)
    ]
    freedom = before.freedom + sum(gain.pairs - 1 for gain in counted)
    squares = math.fsum((gain.pairs - 1) * gain.sd**2 for gain in counted)
    sd = math.sqrt((before.freedom * before.sd**2 + squares) / freedom)
    pooled = PooledSpread(sd=max(before.sd, sd), freedom=freedom)
    return rule.model_copy(update={"pooled": pooled})


def upper_bound(pooled: PooledSpread, level: Any) -> Any:
    """What the spread exceeds with a chance of `SHARE` of `level`, which may be an array."""
    from scipy.special import gammaincinv

    return (
        pooled.sd * (pooled.freedom / (2 * gammaincinv(pooled.freedom / 2, SHARE * level))) ** 0.5
    )


def log_e_pooled(values: Sequence[float], pooled: PooledSpread, level: float) -> float:
    """Natural log of the e-value for a mean above zero, after all of `values`, at this level."""
    import numpy as np

    looks = [len(values)]
    return float(log_e_pooled_looks(np.array([values]), pooled, looks, np.array([level]))[0, 0])


def log_e_pooled_looks(
    samples: "Array", pooled: PooledSpread, looks: Sequence[int], levels: "Array"
) -> "Array":
    """`log_e_pooled` of each row of `samples`, [rows, n], after its first values: [rows, looks].

    `looks` are how many values that is, and `levels` has one for each row.
    """
    import numpy as np

    n, at = np.array(looks), np.array(looks) - 1
    sums, squares = samples.cumsum(1)[:, at], (samples**2).cumsum(1)[:, at]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(squares > 0, np.minimum(sums**2 / squares, n), 0.0)
        in_bounds = np.nan_to_num(sums / np.asarray(upper_bound(pooled, levels))[:, None])
    own = t_log_e_value(n, ratio, np.sign(sums), OWN)
    total: Array = np.minimum(own, _z_log_e_value(n, in_bounds)) + math.log1p(-SHARE)
    return total


def _z_log_e_value(n: Any, sums: "Array") -> "Array":
    """Natural log of the one-sided e-value of sums of `n` normal values of unit spread."""
    import numpy as np
    from scipy.special import log_ndtr

    width = 1 + n * BOUNDED**2
    z = np.minimum(sums, 1e9) * BOUNDED / np.sqrt(width)
    log_e: Array = math.log(2) - np.log(width) / 2 + z**2 / 2 + log_ndtr(z)
    return log_e


def moderated(pooled: PooledSpread, sd: Any, pairs: Any) -> Any:
    """The spread of these gains as far as it can be told: theirs and the pooled one together."""
    squares = pooled.freedom * pooled.sd**2 + (pairs - 1) * sd**2
    return (squares / (pooled.freedom + pairs - 1)) ** 0.5


def needed_mean(pairs: int, level: Any, sd: Any, pooled: PooledSpread) -> Any:
    """About the mean at which the e-value of so many pairs reaches one over `level`.

    `sd` is the standard deviation of a gain; it and `level` may be arrays.
    """
    import numpy as np

    threshold = -np.log(level * (1 - SHARE)) - math.log(2)
    width = 1 + pairs * BOUNDED**2
    z = np.sqrt(2 * width * np.maximum(threshold + math.log(width) / 2, 0.0)) / BOUNDED
    least = threshold + math.log1p(pairs * OWN**2) / 2
    ratio = (1 - np.exp(-2 * np.maximum(least, 0.0) / pairs)) * (pairs + OWN**-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(ratio < pairs, np.sqrt((pairs - 1) * ratio / (pairs - ratio)), np.inf)
    return np.maximum(z * upper_bound(pooled, level) / pairs, t * sd / math.sqrt(pairs))
