"""A group-sequential t test at the judge's looks, to compare the bounded e-value with.

It spends its level as the root of the pairs. Its boundaries are simulated for normal gains.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ratchet.evals import Rule
from ratchet.evals.judge.power import looks_of

Array = np.ndarray[Any, np.dtype[np.float64]]


@lru_cache(maxsize=8)
def boundaries(level: float, paths: int = 400_000) -> Array:
    """The t at each look that spends the level as the root of the pairs, by simulation."""
    rng, looks = np.random.default_rng(5), np.array(looks_of(Rule()))
    more = np.diff(looks, prepend=0)
    sums = (rng.standard_normal((paths, len(looks))) * np.sqrt(more)).cumsum(1)
    means = np.diff(sums, axis=1, prepend=0) / more
    squares = (rng.chisquare(more - 1, (paths, len(looks))) + more * means**2).cumsum(1)
    t = t_of(sums, squares, looks)
    going, edges, spent = np.ones(paths, dtype=bool), [], 0
    for i, n in enumerate(looks):
        count = round(level * math.sqrt(n / looks[-1]) * paths) - spent
        edges.append(float(np.sort(t[going, i])[-count]) if count else math.inf)
        spent += count
        going &= t[:, i] < edges[-1]
    return np.array(edges)


def t_of(sums: Array, squares: Array, looks: Any) -> Array:
    """Student's t from sums and sums of squares."""
    variance = np.maximum(squares - sums**2 / looks, 0.0) / (looks - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t: Array = np.nan_to_num(sums / np.sqrt(variance * looks), posinf=99.0, neginf=-99.0)
    return t


def group_sequential(gains: Array, level: float) -> tuple[Any, Array]:
    """Which tests confirm, and after how many pairs, `most` where they do not."""
    looks = np.array(looks_of(Rule()))
    sums, squares = (np.cumsum(x, axis=1)[:, looks - 1] for x in (gains, gains * gains))
    crossed = t_of(sums, squares, looks) >= boundaries(float(level))
    held = crossed.any(1)
    return held, np.where(held, looks[crossed.argmax(1)], looks[-1])
