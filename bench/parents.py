"""What becomes of a search by each policy that chooses parents, where true scores are known.

    python bench/parents.py --searches 40 --seeds 3000

Proposals have mixed effects: most lose, some do nothing, one in twenty gains (landscape.py). Three
baselines differ by `--lead`, so that children of two of them can hardly win. A node never runs out
of good proposals here, so that `best` cannot be beaten: it is what leaving nobody a chance would
bring. `can win` is the share of proposals made from a node within three typical steps of the best.
"""

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from harness import mean_error, options, save
from landscape import Landscape, read, searched

from ratchet.archive import Node, Tree
from ratchet.search.select import POLICIES, Select

NEAR = 3.0  # typical steps
NAMES = ("lead", "dgm", "hgm", "uct", "uniform", "best")


class Found(NamedTuple):
    """The true score of the claimed best, proposals, and the share of them that could win."""

    true: float
    proposals: int
    can_win: float


class Watched:
    """A policy, and how many of its choices could win."""

    def __init__(self, select: Select, step: float) -> None:
        """Nothing chosen yet; `step` is the mean gain of a good proposal."""
        self.select, self.step, self.near, self.all = select, step, 0, 0

    def __call__(self, tree: Tree, rng: Random) -> Node:
        """What the policy chooses."""
        node = self.select(tree, rng)
        best = max(read(other.candidate)[1] for other in tree.eligible())
        self.near += best - read(node.candidate)[1] <= NEAR * self.step
        self.all += 1
        return node


def one(name: str, seed: int, seeds: int, lead: float) -> Found:
    """One search."""
    land = Landscape(seed)
    watched = Watched(POLICIES[name], land.gain)
    planted = {"far": lead / 10, "behind": lead / 4, "ahead": lead}
    with searched(land, lambda _, run: run < seeds, planted=planted, select=watched) as simulated:
        proposals, _, true, _ = simulated.rows[-1]
    return Found(true, proposals, watched.near / max(1, watched.all))


def line(name: str, searches: Sequence[Found]) -> str:
    """A row of the table."""
    true, error = mean_error([search.true for search in searches])
    proposals = math.fsum(search.proposals for search in searches) / len(searches)
    can_win = math.fsum(search.can_win for search in searches) / len(searches)
    return f"| `{name}` | {true:.2f} ± {error:.2f} | {proposals:.0f} | {can_win:.0%} |"


def main() -> None:
    """Print the table."""
    parser = options(__doc__, 40)
    parser.add_argument("--seeds", type=int, default=3000, help="trials of one search")
    parser.add_argument("--lead", type=float, default=3.0, help="of the best baseline, in noise sd")
    asked = parser.parse_args()
    print("| policy | true score of the claimed best, sd | proposals | from parents that can win |")
    print("| --- | --- | --- | --- |")
    figures = {}
    for name in NAMES:
        searches = [
            one(name, asked.first_seed + number, asked.seeds, asked.lead)
            for number in range(asked.searches)
        ]
        figures[name] = searches
        print(line(name, searches), flush=True)
    save(asked, figures)


if __name__ == "__main__":
    main()
