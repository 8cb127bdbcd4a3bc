"""Whose claimed best is truly best? The same proposals for every method, true scores known.

    python bench/selection.py --searches 200 --plot docs/statistics/selection.svg

Ratchet is its real search on a simulated task (landscape.py). Beside it, methods that keep every
child with a single score, and claim the highest: greedy, DGM, MAP-Elites and random selection. Two
currencies: candidates judged, and seeds run; a method with single scores pays one for one.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
from harness import chart, mean_error, options, save
from landscape import Landscape, searched

from ratchet.evals import Rule

CANDIDATES = (50, 100, 200)
SEEDS = (50, 100, 200, 1000, 5000)
GRID = 10
Point = tuple[float, float]  # true score of the claimed best, and its claimed score
Scores = np.ndarray[Any, np.dtype[np.float64]]
Choose = Callable[["Archive", Random], int]


class Archive:
    """The candidates of a method with single scores so far, the start first."""

    def __init__(self, land: Landscape) -> None:
        """Score the start."""
        self.land, self.rng = land, Random(f"{land.seed}/archive")
        self.number, self.true, self.score = [0], [0.0], np.zeros(1)
        self.children, self.cell = np.zeros(1), [(GRID // 2, GRID // 2)]
        self.score[0] = self._measure(0, 0.0)
        self.elites = {self.cell[0]: 0}

    def _measure(self, number: int, true: float) -> float:
        (score,) = self.land.scores(number, true, [self.rng.getrandbits(62)])
        return float(score)

    def grow(self, choose: Choose, count: int) -> Iterator[Point]:
        """Make `count` children, and tell after each what would be claimed."""
        score, children = np.full(count + 1, -np.inf), np.zeros(count + 1)
        score[0] = self.score[0]
        best = 0
        for child in range(1, count + 1):
            self.score, self.children = score[:child], children[:child]
            parent = choose(self, self.rng)
            number, true = self.land.child(
                self.number[parent], self.true[parent], int(children[parent])
            )
            children[parent] += 1
            self.number.append(number)
            self.true.append(true)
            score[child] = self._measure(number, true)
            self._place(parent, child, score)
            best = child if score[child] > score[best] else best
            yield self.true[best], float(score[best])

    def _place(self, parent: int, child: int, score: Scores) -> None:
        """Give a child its two features, a step from its parent's, and its cell if it wins it."""
        step = Random(f"{self.land.seed}/features/{self.number[child]}")
        x, y = (min(GRID - 1, max(0, at + step.choice((-1, 0, 1)))) for at in self.cell[parent])
        self.cell.append((x, y))
        elite = self.elites.get((x, y))
        if elite is None or score[child] > score[elite]:
            self.elites[x, y] = child


def greedy(archive: Archive, rng: Random) -> int:
    """The highest score so far."""
    return int(np.argmax(archive.score))


def dgm(archive: Archive, rng: Random) -> int:
    """Sigmoid of the score, over one plus the children (Zhang et al. 2025), robustly scaled."""
    middle = np.median(archive.score)
    spread = np.median(np.abs(archive.score - middle)) or 1e-9
    scaled = np.clip((archive.score - middle) / spread, -6, 6)
    weights = np.cumsum(1 / (1 + np.exp(-2 * scaled)) / (1 + archive.children))
    return int(np.searchsorted(weights, rng.random() * weights[-1]))


def elites(archive: Archive, rng: Random) -> int:
    """Any elite of the grid (Mouret and Clune 2015)."""
    return rng.choice(list(archive.elites.values()))


def anyone(archive: Archive, rng: Random) -> int:
    """Any program with equal probability."""
    return rng.randrange(len(archive.score))


PEERS: Mapping[str, Choose] = {
    "greedy": greedy,
    "DGM": dgm,
    "MAP-Elites": elites,
    "random": anyone,
}
Curve = dict[str, Point]


def peer(land: Landscape, choose: Choose, seeds: Sequence[int]) -> Curve:
    """What a method with single scores claims at each budget."""
    points = list(Archive(land).grow(choose, max(*CANDIDATES, *seeds)))
    return {
        **{f"candidates {n}": points[n - 1] for n in CANDIDATES},
        **{f"seeds {n}": points[max(n - 2, 0)] for n in seeds},  # the start took one
    }


def ratchet(land: Landscape, schedule: str, rule: Rule, seeds: Sequence[int]) -> Curve:
    """What Ratchet claims at each budget."""
    last, most = max(CANDIDATES), max(seeds)
    with searched(
        land,
        lambda children, spent: children < last + 1 or spent < most,
        schedule,
        rule,
    ) as simulated:
        rows = simulated.rows

    def at(column: int, budget: int) -> Point:
        return next(((r[2], r[3]) for r in reversed(rows) if r[column] <= budget), (0.0, 0.0))

    return {
        **{f"candidates {n}": at(0, n) for n in CANDIDATES},
        **{f"seeds {n}": at(1, n) for n in seeds},
    }


def methods(seeds: Sequence[int]) -> dict[str, Callable[[Landscape], Curve]]:
    """Everything that is compared, by name."""
    claim, explore = Rule(), Rule(standard="explore")
    return {
        "Ratchet adaptive": lambda land: ratchet(land, "adaptive", claim, seeds),
        "Ratchet fixed": lambda land: ratchet(land, "fixed", claim, seeds),
        "Ratchet explore": lambda land: ratchet(land, "fixed", explore, seeds),
        **{
            name: lambda land, choose=choose: peer(land, choose, seeds)  # type: ignore[misc]
            for name, choose in PEERS.items()
        },
    }


def main() -> None:
    """Run every method on every landscape, and print true scores and honesty."""
    parser = options(__doc__, searches=200)
    parser.add_argument("--rho", type=float, default=0.88)
    parser.add_argument("--gain", type=float, default=0.3, help="mean gain of the good, noise sd")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--only", nargs="+", help="methods whose names hold one of these")
    asked = parser.parse_args()
    chosen = {
        name: method
        for name, method in methods(asked.seeds).items()
        if not asked.only or any(word in name for word in asked.only)
    }
    curves: dict[str, list[Curve]] = {name: [] for name in chosen}
    for number in range(asked.searches):
        land = Landscape(asked.first_seed + number, asked.rho, gain=asked.gain)
        for name, method in chosen.items():
            curves[name].append(method(land))
    table(curves, asked)
    save(asked, {name: summed(own) for name, own in curves.items()})
    if asked.plot:
        plot(asked, curves)


def summed(curves: Sequence[Curve]) -> dict[str, dict[str, float]]:
    """Mean true score and mean excess of the claim at each budget, with standard errors."""
    rows = {}
    for budget in curves[0]:
        true = mean_error([curve[budget][0] for curve in curves])
        over = mean_error([curve[budget][1] - curve[budget][0] for curve in curves])
        rows[budget] = {"true": true[0], "se": true[1], "over": over[0], "over_se": over[1]}
    return rows


def table(curves: Mapping[str, Sequence[Curve]], asked: argparse.Namespace) -> None:
    """Print true scores, then the excess of the claims, then differences by landscape."""
    budgets = list(next(iter(curves.values()))[0])
    print(f"{asked.searches} landscapes, noise sd; a column is a budget")
    rows = {name: summed(own) for name, own in curves.items()}
    head = "".join(f"{budget.replace('candidates', 'cand.'):>14s}" for budget in budgets)
    for title, key in (("true score of the claimed best", "true"), ("claimed minus true", "over")):
        error = {"true": "se", "over": "over_se"}[key]
        print(f"{title + ' ± se':36s}{head}")
        for name, row in rows.items():
            print(f"  {name:34s}" + "".join(shown(row[b][key], row[b][error]) for b in budgets))
    print(f"{'difference in true score ± se':36s}{head}")
    names = list(curves)
    for other in names[1:]:
        pairs = list(zip(curves[names[0]], curves[other], strict=True))
        differences = [mean_error([a[b][0] - c[b][0] for a, c in pairs]) for b in budgets]
        print(f"  {names[0] + ' - ' + other:34s}" + "".join(shown(*cell) for cell in differences))


def shown(mean: float, error: float) -> str:
    """A cell of a table."""
    return f"{f'{mean:+.2f} ± {error:.2f}':>14s}"


def plot(asked: argparse.Namespace, curves: Mapping[str, Sequence[Curve]]) -> None:
    """True score of the claimed best against seeds run."""
    budgets = [f"seeds {n}" for n in asked.seeds]
    lines = {
        name: [summed(own)[budget]["true"] for budget in budgets] for name, own in curves.items()
    }
    chart(
        asked.plot,
        asked.seeds,
        lines,
        "seeds run",
        "true score of the claimed best (noise sd)",
    )


if __name__ == "__main__":
    main()
