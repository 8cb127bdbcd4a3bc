"""Which node to build on next. Each policy is a pure function of the tree and a generator.

They rank by `Tree.ranking`, gains on common seeds shrunken by their noise.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from random import Random

from ..archive import Node, Tree

Select = Callable[[Tree, Random], Node]


def dgm(tree: Tree, rng: Random) -> Node:
    """Sigmoid of the robustly scaled rank, over one plus the attempts made on the node.

    After the Darwin Goedel Machine (Zhang et al. 2025), with median and MAD in the place of its
    fixed midpoint, and counting every child, not the kept ones alone, so that no lineage starves.
    """
    nodes = tree.eligible()
    gains, attempts = (
        [tree.ranking[n.number] for n in nodes],
        [len(tree.children(n)) for n in nodes],
    )
    return rng.choices(nodes, dgm_weights(gains, attempts))[0]


def dgm_weights(gains: Sequence[float], attempts: Sequence[int]) -> list[float]:
    """The unnormalised probabilities of `dgm`, all positive."""
    middle = statistics.median(gains)
    spread = statistics.median([abs(gain - middle) for gain in gains]) or 1e-9
    scaled = [max(-6.0, min(6.0, (gain - middle) / spread)) for gain in gains]
    return [1 / (1 + math.exp(-2 * z)) / (1 + n) for z, n in zip(scaled, attempts, strict=True)]


def best(tree: Tree, rng: Random) -> Node:
    """Always the node of the highest rank: plain hill climbing."""
    return max(tree.eligible(), key=lambda node: (tree.ranking[node.number], -node.number))


def uniform(tree: Tree, rng: Random) -> Node:
    """Any eligible node with equal probability."""
    return rng.choice(tree.eligible())


def planted(tree: Tree, rng: Random) -> Node:
    """The start or a baseline, better ones more often: best of n, which builds on nothing found."""
    nodes = tree.planted()
    return rng.choices(nodes, dgm_weights([n.gain or 0.0 for n in nodes], [0] * len(nodes)))[0]


POLICIES: dict[str, Select] = {"dgm": dgm, "best": best, "uniform": uniform, "planted": planted}
