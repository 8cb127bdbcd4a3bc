"""Which node to build on next. Each policy is a pure function of the tree and a generator."""

import math
import statistics
from collections.abc import Callable, Sequence
from random import Random

from ..archive import Node, Tree

Select = Callable[[Tree, Random], Node]


def dgm(tree: Tree, rng: Random) -> Node:
    """Sigmoid of the robustly scaled gain, over one plus the attempts made on the node.

    After the Darwin Goedel Machine (Zhang et al. 2025), with median and MAD in the place of its
    fixed midpoint, and counting every child, not the kept ones alone, so that no lineage starves.
    """
    nodes = tree.eligible()
    return rng.choices(nodes, dgm_weights(nodes, [len(tree.children(n)) for n in nodes]))[0]


def dgm_weights(nodes: Sequence[Node], attempts: Sequence[int]) -> list[float]:
    """The unnormalised probabilities of `dgm`, all positive."""
    gains = [node.gain or 0.0 for node in nodes]
    middle = statistics.median(gains)
    spread = statistics.median([abs(gain - middle) for gain in gains]) or 1e-9
    scaled = [max(-6.0, min(6.0, (gain - middle) / spread)) for gain in gains]
    return [1 / (1 + math.exp(-2 * z)) / (1 + n) for z, n in zip(scaled, attempts, strict=True)]


def best(tree: Tree, rng: Random) -> Node:
    """Always the node with the largest gain: plain hill climbing."""
    return max(tree.eligible(), key=lambda node: (node.gain or 0.0, -node.number))


def uniform(tree: Tree, rng: Random) -> Node:
    """Any eligible node with equal probability."""
    return rng.choice(tree.eligible())


def planted(tree: Tree, rng: Random) -> Node:
    """The start or a baseline, better ones more often: best of n, which builds on nothing found."""
    nodes = tree.planted()
    return rng.choices(nodes, dgm_weights(nodes, [0] * len(nodes)))[0]


POLICIES: dict[str, Select] = {"dgm": dgm, "best": best, "uniform": uniform, "planted": planted}
