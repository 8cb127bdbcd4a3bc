"""The effects that a confirmation finds, by simulated tests of which none is run without need.

Each test has the same noise whatever the effect. So one that shows an effect shows every larger
one, and is not run again for those; nor is one that misses an effect run for smaller ones.
"""

import math
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..rule import Rule
from .power import CERTAIN, TRIALS, ends, standardised, unit_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[Any]

STEPS = 12  # halvings of the interval in which the detectable effect lies


def shown(
    rule: Rule,
    effect: float,
    level: float,
    pairs: int | None = None,
    spread: float | None = None,
) -> float:
    """The chance of `power`: that a gain of `effect` is confirmed within so many pairs."""
    most = rule.most if pairs is None else pairs
    return _tests(standardised(rule, spread), level, most).share(min(effect, CERTAIN))


@lru_cache(maxsize=64)
def detectable(
    rule: Rule,
    level: float,
    chance: float = 0.8,
    pairs: int | None = None,
    spread: float | None = None,
) -> float | None:
    """The smallest effect that is confirmed with this chance; None if none is within `pairs`."""
    low, high = 0.0, CERTAIN
    for _ in range(STEPS):
        middle = math.sqrt(max(low, 1e-3) * high)
        enough = shown(rule, middle, level, pairs, spread) >= chance
        low, high = (low, middle) if enough else (middle, high)
    missed = high == CERTAIN and shown(rule, high, level, pairs, spread) < chance
    return None if missed else high


@lru_cache(maxsize=16)
def _tests(rule: Rule, level: float, pairs: int) -> "_Tests":
    return _Tests(rule, level, pairs)


class _Tests:
    """Simulated tests of one rule, level and number of pairs, and what is known of their ends."""

    def __init__(self, rule: Rule, level: float, pairs: int) -> None:
        import numpy as np

        self._rule, self._level, self._pairs = rule, level, pairs
        self._guard = threading.Lock()
        self._shows: Floats = np.full(
            TRIALS, np.inf
        )  # the least effect that a test is known to show
        self._misses: Floats = np.full(TRIALS, -np.inf)  # the largest that it is known to miss

    def share(self, effect: float) -> float:
        """The share of the tests that show this effect."""
        import numpy as np

        with self._guard:
            (unknown,) = np.nonzero((self._misses < effect) & (effect < self._shows))
            if len(unknown):
                samples = unit_noise(self._rule.most)[unknown] + effect
                show = ends(self._rule, samples, self._level).confirmed <= self._pairs
                self._shows[unknown[show]] = effect
                self._misses[unknown[~show]] = effect
            return float(np.mean(self._shows <= effect))
