"""How much better each program of a run is than one of them, from all that was measured of them.

One model for all evidence: the mean of a program on some seeds is its effect, plus an offset that
it shares with whatever was measured beside it, plus noise of its own. Generalised least squares
(Aitken 1936) over all means at once then uses every comparison, direct or through others. It is
solved by elimination in a fixed order, without a library: a few microseconds a mean, the same to
the last bit on every machine.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

PRIOR = 16  # seeds that the spread over all means counts for, beside a mean's own
DIGITS = 12  # of the largest effect: below them equal programs differ by rounding

Unknown = int | str  # the effect of a program, or an offset


class Reading(NamedTuple):
    """The mean of one program on `seeds` seeds, up to an `offset` that others share.

    `sd` is that of a program's own noise from seed to seed: 1/sqrt(2) of that of gains over another
    program on the same seeds. It is None where nothing was measured of it.
    """

    program: int
    offset: str
    mean: float
    seeds: float
    sd: float | None = None


class Effect(NamedTuple):
    """A program's gain over the reference, its standard error, and the seeds it was measured on."""

    gain: float
    error: float
    seeds: int


def effects(readings: Sequence[Reading], reference: int) -> dict[int, Effect]:
    """The effect of every program over the reference, whose own is 0 and free of error.

    Each reading is weighted by its variance. That is drawn towards the pooled one of all readings,
    so that a few seeds of little spread do not decide. Where nothing has any spread, readings count
    by their seeds and effects have no error. Equal effects are equal to the last bit. Every program
    has to share an offset with the reference, or with a program that does.
    """
    pooled = _pooled(readings)
    weights = [reading.seeds / _variance(reading, pooled) for reading in readings]
    unknown = _solved(_normal(readings, weights, reference))
    largest = max((abs(mean) for mean, _ in unknown.values()), default=0.0)
    places = DIGITS - math.ceil(math.log10(largest)) if largest else 0
    seeds = Counter[int]()
    for reading in readings:
        seeds[reading.program] += round(reading.seeds)
    noise = 1.0 if pooled else 0.0
    solved = {
        key: Effect(round(mean, places), noise * math.sqrt(variance), seeds[key])
        for key, (mean, variance) in unknown.items()
        if isinstance(key, int)
    }
    return {reference: Effect(0.0, 0.0, seeds[reference])} | solved


def _pooled(readings: Iterable[Reading]) -> float:
    """The variance of a program's own noise, pooled over all readings; 0 where there is none."""
    measured = [(reading.seeds - 1, reading.sd) for reading in readings if reading.sd is not None]
    freedom = math.fsum(count for count, _ in measured)
    return math.fsum(count * sd**2 for count, sd in measured) / freedom if freedom else 0.0


def _variance(reading: Reading, pooled: float) -> float:
    """That of the program's own noise, drawn towards the pooled one (after Smyth 2004)."""
    if not pooled:
        return 1.0
    if reading.sd is None:
        return pooled
    own = reading.seeds - 1
    return (PRIOR * pooled + own * reading.sd**2) / (PRIOR + own)


class _Equations(NamedTuple):
    """The normal equations: a symmetric matrix of what is not zero, and the right-hand side."""

    matrix: dict[Unknown, dict[Unknown, float]]
    right: dict[Unknown, float]


def _normal(readings: Sequence[Reading], weights: Sequence[float], reference: int) -> _Equations:
    matrix = dict[Unknown, dict[Unknown, float]]()
    right = dict[Unknown, float]()
    for reading, weight in zip(readings, weights, strict=True):
        pair: list[Unknown] = [reading.offset]
        if reading.program != reference:
            pair.append(reading.program)
        for one in pair:
            row = matrix.setdefault(one, {})
            right[one] = right.get(one, 0.0) + weight * reading.mean
            for other in pair:
                row[other] = row.get(other, 0.0) + weight
    return _Equations(matrix, right)


class _Row(NamedTuple):
    """An eliminated unknown: `value`, less the `factors` of those that were not eliminated yet."""

    unknown: Unknown
    pivot: float
    factors: Mapping[Unknown, float]
    value: float


def _solved(equations: _Equations) -> dict[Unknown, tuple[float, float]]:
    """Value and variance of every unknown.

    Those with few neighbours are eliminated first, the newest of them before others, so that a tree
    of comparisons stays as sparse as it is. Only those entries of the inverse are computed that
    the variances need (Takahashi et al. 1973).
    """
    means, inverse = dict[Unknown, float](), dict[tuple[Unknown, Unknown], float]()
    for unknown, pivot, factors, value in reversed(_eliminated(equations)):
        means[unknown] = value - math.fsum(f * means[other] for other, f in factors.items())
        for other in factors:
            shared = -math.fsum(f * inverse[third, other] for third, f in factors.items())
            inverse[unknown, other] = inverse[other, unknown] = shared
        spread = math.fsum(f * inverse[unknown, other] for other, f in factors.items())
        inverse[unknown, unknown] = 1 / pivot - spread
    return {unknown: (mean, inverse[unknown, unknown]) for unknown, mean in means.items()}


def _eliminated(equations: _Equations) -> list[_Row]:
    """The unknowns in the order of their elimination."""
    matrix, right = equations
    newest = {key: -key if isinstance(key, int) else 0 for key in matrix}
    rows = []
    for unknown in sorted(matrix, key=lambda key: (len(matrix[key]), newest[key], str(key))):
        row = matrix.pop(unknown)
        pivot = row.pop(unknown)
        factors = {other: entry / pivot for other, entry in row.items()}
        for other, factor in factors.items():
            target = matrix[other]
            del target[unknown]
            right[other] -= factor * right[unknown]
            for third, entry in row.items():
                target[third] = target.get(third, 0.0) - factor * entry
        rows.append(_Row(unknown, pivot, factors, right[unknown] / pivot))
    return rows
