"""Put the judge to gains that are known to be none, and look at the noise that they are made of."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import judge
from .checks import NoiseCheck, unlucky
from .judge.power import ends
from .rule import Rule

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[Any]

FEWEST_SEEDS = 8  # below this, nothing can be said of the shape of noise
FEWEST_JOBS = 4  # below this, drawing whole jobs would draw the same ones over and over
STREAMS = 200
NORMAL_SETS = 99  # of normal gains, with which many false claims are compared
ORDERS = 999  # random orders of the seeds, with which their own is compared
NORMAL_MAD = 1.4826  # standard deviations of a normal value in its median absolute deviation


def check_noise(rule: Rule, gains: Sequence[Sequence[float]], per_job: int) -> NoiseCheck | None:
    """Check the gains of several programs over one reference, row by row, on the same seeds.

    Seeds are in their order, `per_job` of them in each job. Streams of gains are drawn from each
    program's own, centred at the margin, so every claim that holds on one is false. They are drawn
    with either sign, as child and parent may be either of two programs. A program that scores as
    the reference does on most seeds is left out there: so few differences have no shape.

    None where nothing varies, or on fewer than `FEWEST_SEEDS` seeds.
    """
    import numpy as np

    table = np.array([row for row in gains if max(row) - min(row) > 1e-12 * max(map(abs, row))])
    if not len(table) or table.shape[1] < FEWEST_SEEDS:
        return None
    rng, rows, seeds = np.random.default_rng(2026), _standardised(table), table.shape[1]
    per_job = min(per_job, seeds)
    shaped = rows[np.mean(rows == np.median(rows, axis=1)[:, None], axis=1) <= 0.5]
    high = _correlation(rows, per_job)
    orders = rng.permuted(np.tile(np.arange(seeds), (ORDERS, 1)), axis=1)
    false, normal = _false_claims(rule, shaped, per_job) if len(shaped) else (0, None)
    return NoiseCheck(
        programs=len(rows),
        seeds=seeds,
        per_job=per_job,
        streams=STREAMS if len(shaped) else 0,
        false=false,
        level=judge.level(rule, []),
        normal=normal,
        worst=_worst(table),
        skew=float(np.mean(shaped**3)) if len(shaped) else 0.0,
        correlation=high[0] if high else None,
        correlation_high=high[1] if high else None,
        drift=min(1.0, 2 * min(_p_value(rows, orders, f) for f in (_trend, _serial))),
        jobs=_p_value(rows, orders, lambda x: _between(x, per_job)) if high else None,
    )


def _standardised(rows: "Floats") -> "Floats":
    import numpy as np

    centred = rows - rows.mean(-1, keepdims=True)
    scaled: Floats = centred / np.sqrt((centred**2).mean(-1, keepdims=True))
    return scaled


def _worst(rows: "Floats") -> float:
    """The largest distance from a row's median, in robust standard deviations of that row.

    Values equal to the median are left out, as scores that can only take a few values often tie.
    """
    import numpy as np

    far = np.abs(rows - np.median(rows, axis=1)[:, None])
    usual = [NORMAL_MAD * np.median(row[row > 0]) for row in far]
    return float(max(far.max(1) / usual))


def _trend(rows: "Floats") -> "Floats":
    """Squared correlation of rows, [..., programs, seeds], with their order, summed."""
    import numpy as np

    order = np.arange(rows.shape[-1])
    sums: Floats = (((rows * (order - order.mean())).sum(-1)) ** 2).sum(-1)
    return sums


def _serial(rows: "Floats") -> "Floats":
    """How little neighbours differ (von Neumann 1941), summed over programs."""
    import numpy as np

    sums: Floats = -(np.diff(rows, axis=-1) ** 2).sum((-2, -1))
    return sums


def _between(rows: "Floats", per_job: int) -> "Floats":
    """Variance between the means of whole jobs, summed over programs."""
    sums: Floats = _jobs(rows, per_job).mean(-1).var(-1).sum(-1)
    return sums


def _jobs(rows: "Floats", per_job: int) -> "Floats":
    """The rows, [..., seeds], as whole jobs, [..., jobs, seeds of one]; a last part is left out."""
    count = rows.shape[-1] // per_job
    return rows[..., : count * per_job].reshape(*rows.shape[:-1], count, per_job)


def _p_value(rows: "Floats", orders: "Floats", statistic: Any) -> float:
    """The share of random orders of the seeds whose statistic is as large as that of their own.

    An order is the same for all programs, so that what they share through the reference stays. The
    value is exact where the order of the seeds does not matter (Phipson and Smyth 2010).
    """
    import numpy as np

    shuffled = statistic(np.moveaxis(rows[:, orders], 0, 1))
    reached = int(np.sum(shuffled >= statistic(rows) - 1e-9))
    return (1 + reached) / (1 + len(orders))


def _correlation(rows: "Floats", per_job: int) -> tuple[float, float] | None:
    """The intraclass correlation of jobs, and its upper 95 % bound by the F distribution.

    Programs share the reference, so the bound counts the jobs of one program alone.
    """
    from scipy.special import fdtri

    jobs = _jobs(rows, per_job)
    count = jobs.shape[1]
    if count < 2 or per_job < 2:
        return None
    within = float((jobs.var(-1, ddof=1)).mean())
    ratio = per_job * float(jobs.mean(-1).var(-1, ddof=1).mean()) / max(within, 1e-12)
    high = ratio / float(fdtri(count - 1, count * (per_job - 1), 0.05))
    return (ratio - 1) / (ratio + per_job - 1), (high - 1) / (high + per_job - 1)


def _false_claims(rule: Rule, rows: "Floats", per_job: int) -> tuple[int, int | None]:
    """How many claims hold on streams drawn from rows, and the most on those from normal rows.

    Few gains are never quite what they were drawn from: their jobs differ by chance. So where too
    many claims hold, normal gains of the same correlations are put to the same test, set after set,
    until as many hold there.
    """
    import numpy as np

    rng, seeds = np.random.default_rng(7), rows.shape[1]
    picks = _picks(rng, seeds, rule.most, per_job)
    level = judge.level(rule, [])
    false = _held(rule, level, rows, picks)
    if not unlucky(false, STREAMS, level):
        return false, None
    normal = 0
    for other in _normal(rng, rows):
        normal = max(normal, _held(rule, level, other, picks))
        if normal >= false:
            break
    return false, normal


def _picks(rng: "Generator", seeds: int, most: int, per_job: int) -> "Floats":
    """Which seeds the gains of every stream come from, [streams, most], by whole jobs."""
    import numpy as np

    size = per_job if seeds // per_job >= FEWEST_JOBS else 1
    jobs = rng.integers(seeds // size, size=(STREAMS, math.ceil(most / size)))
    picks: Floats = (jobs[:, :, None] * size + np.arange(size)).reshape(STREAMS, -1)[:, :most]
    return picks


def _held(rule: Rule, level: float, rows: "Floats", picks: "Floats") -> int:
    """How many claims hold, with streams from all programs in turn, and with either sign."""
    import numpy as np

    stream = np.arange(STREAMS)
    sign = 1 - 2 * (stream // len(rows) % 2)
    samples = sign[:, None] * rows[(stream % len(rows))[:, None], picks]
    confirmed = ends(rule, samples, level).confirmed
    return int(np.isfinite(confirmed).sum())


def _normal(rng: "Generator", rows: "Floats") -> "Iterator[Floats]":
    """Sets of normal gains whose programs are as correlated as those of `rows`."""
    seeds = rows.shape[1]
    for _ in range(NORMAL_SETS):
        yield _standardised(rows @ rng.standard_normal((seeds, seeds)))
