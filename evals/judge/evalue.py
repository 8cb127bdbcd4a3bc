"""The statistics of gains: Student's t, and the e-value that may be looked at any time.

The e-value is exact for normal gains and cautious for symmetric ones, however heavy their tails. A
child that has its parent's distribution makes gains symmetric. Only where gains are skewed to the
left (now and then the child loses much) does a t statistic promise too much; there it is drawn
down by Hall's transformation.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .estimate import summary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CAUTION = 2.0  # times the skewness of the sample, which understates that of the gains
REACH = 9.0  # standard errors from zero to where luck may reach; larger gains lose no more


def t_statistic(values: Sequence[float]) -> float:
    """Student's t of the mean against zero, capped to +-99 where there is no spread."""
    return summary(values).t


def log_e_value(values: Sequence[float], scale: float) -> float:
    """Natural log of the one-sided e-value for mean > 0 after n values.

    The t e-value of Perez-Ortiz et al. (2022) with a half-normal prior of width `scale` on the
    standardised effect and the right-Haar prior on its spread, of the sample after `unskewed`. It
    never exceeds 2^n, the most that n signs could prove.
    """
    import numpy as np  # with scipy a second of import, which --help need not pay

    return float(log_e_values(np.array([values]), scale)[0])


def log_e_values(samples: "Array", scale: float) -> "Array":
    """`log_e_value` of each row of `samples`, [rows, n]."""
    n = samples.shape[1]
    mean = samples.mean(1)
    centred = samples - mean[:, None]
    return log_e_from_moments(n, mean, (centred**2).mean(1), (centred**3).mean(1), scale)


def log_e_from_moments(
    n: Any, mean: "Array", variance: "Array", third: "Array", scale: float
) -> "Array":
    """`log_e_value` from the mean and the central moments (over n) of samples; all broadcast."""
    import numpy as np

    mean = unskewed(n, mean, variance, third)
    squares = variance + mean**2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(squares > 0, mean**2 / squares, 0.0)
    log_e = t_log_e_value(n, ratio * n, np.sign(mean), scale)
    return np.where(squares > 0, np.minimum(log_e, n * math.log(2)), 0.0)


def t_log_e_value(n: Any, ratio: "Array", sign: "Array", scale: float) -> "Array":
    """Natural log of the t e-value where `ratio` is (sum of n values)^2 over sum of squares."""
    import numpy as np
    from scipy.special import log_ndtr, stdtr

    a = np.minimum(ratio / (n + scale**-2), 1 - 1e-12)
    t = sign * np.sqrt(n * a / (1 - a))
    cdf = stdtr(n, t)
    log_cdf = np.where(cdf > 1e-300, np.log(np.maximum(cdf, 1e-300)), log_ndtr(t))
    prior = math.log(2) - 0.5 * np.log1p(n * scale**2)
    log_e: Array = prior - 0.5 * n * np.log1p(-a) + log_cdf
    return log_e


def unskewed(n: Any, mean: "Array", variance: "Array", third: "Array") -> "Array":
    """Means drawn towards zero where the sample is skewed to the left (Hall 1992).

    The transformation is monotone in the mean, and changes neither negative means nor the means of
    samples that are skewed to the right, for which the t test is cautious as it stands.
    """
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(variance)
        skew = np.where(variance > 0, CAUTION * np.minimum(third, 0.0) / spread**3, 0.0)
        x = np.where(variance > 0, mean / spread, 0.0)
        reach = np.clip(x, 0.0, REACH / np.sqrt(n))
        x = x + np.minimum(0.0, skew * reach**2 / 3 + skew**2 * reach**3 / 27 + skew / (6 * n))
    drawn = np.where(variance > 0, spread * x, mean)
    corrected: Array = np.where(mean > 0, np.maximum(drawn, 0.0), mean)
    return corrected
