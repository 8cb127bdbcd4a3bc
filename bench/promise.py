"""Whether searches find what a forecast promises: `python bench/promise.py [--searches 300]`.

Each search is Ratchet's own code on a landscape whose noise is known. It makes one proposal, with a
true gain that a forecast promises to find so often. So its claim is the first one of its run.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from landscape import TASK, Landscape, searched

from ratchet.evals import Calibration, Rule
from ratchet.evals.checks import Glances, SameAgainstSame
from ratchet.search.forecast import Instrument

CHANCES = (0.9, 0.8, 0.5, 0.2)


class Promise(NamedTuple):
    """A gain, the chance that was promised for it, and the share of searches that found it."""

    gain: float
    promised: float
    share: float
    searches: int

    @property
    def error(self) -> float:
        """Standard error of the share, if the promise holds."""
        return float((self.promised * (1 - self.promised) / self.searches) ** 0.5)


@dataclass(frozen=True)
class OneGain(Landscape):  # type: ignore[misc]
    """Every proposal gains as much."""

    size: float = 0.0

    def child(self, number: int, true: float, index: int) -> tuple[int, float]:
        """The proposal's number and true score."""
        return super().child(number, true, index)[0], true + self.size


def instrument(land: Landscape) -> Instrument:
    """What a search judges with on a landscape whose noise is known."""
    paired, unpaired = (2 - 2 * land.rho) ** 0.5, 2**0.5
    calibration = Calibration(
        task="hills",
        environment="simulated",
        reference="start",
        seeds=32,
        copies=3,
        noise=1.0,
        paired=paired,
        unpaired=unpaired,
        cpu_seconds=1.0,
        seconds=1.0,
        same=SameAgainstSame(identical=True),
        glance=Glances(chances=0, wrong=0),
    )
    return Instrument(calibration, Rule(), TASK.metric)


def gain_found(known: Instrument, chance: float) -> float:
    """The gain that is promised to be found with this chance."""
    low, high = known.metric.minimum_gain, 4 * known.spread
    for _ in range(20):
        middle = (low + high) / 2
        enough = known.chance(middle, known.most) >= chance
        low, high = (low, middle) if enough else (middle, high)
    return high


def promise(chance: float, searches: int) -> Promise:
    """Search so many times for a gain that is promised to be found with this chance."""
    known = instrument(Landscape(0))
    gain = gain_found(known, chance)
    found = sum(_finds(OneGain(seed, size=gain)) for seed in range(searches))
    return Promise(gain, known.chance(gain, known.most), found / searches, searches)


def _finds(land: Landscape) -> bool:
    with searched(land, lambda children, seeds: True, schedule="fixed", turns=1) as run:
        return bool(run.tree.confirmed())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each chance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=300)
    searches = parser.parse_args(arguments).searches
    print("| gain | promised | found |\n| --- | --- | --- |")
    for chance in CHANCES:
        row = promise(chance, searches)
        print(f"| {row.gain:.3f} | {row.promised:.3f} | {row.share:.3f} ± {row.error:.3f} |")


if __name__ == "__main__":
    main()
