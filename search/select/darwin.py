"""Parents by rank and by how little they were tried, after the Darwin Goedel Machine."""

import math
import statistics
from collections.abc import Sequence
from random import Random

from ...archive import Node, Tree
from .chance import pick


def dgm(tree: Tree, rng: Random) -> Node:
    """Nodes in proportion to the sigmoid of their scaled standing, over one plus their children.

    After the Darwin Goedel Machine (Zhang et al. 2025), with median and MAD in the place of its
    fixed midpoint, and counting every child, not the kept ones alone, so that no lineage starves.
    A standing is drawn from the node's posterior, normal with the mean of `Tree.ranking` and the
    standard deviation of `Tree.ranking_error` (Thompson 1933): a node with a wide
    error leads as often as it may be the best. Every eligible node keeps a positive chance.
    """
    nodes = tree.eligible()
    mean, error = tree.ranking, tree.ranking_error
    drawn = [rng.normalvariate(mean[n.number], error[n.number]) for n in nodes]
    return pick(nodes, dgm_weights(drawn, [len(tree.children(n)) for n in nodes]), rng)


def dgm_weights(gains: Sequence[float], attempts: Sequence[int]) -> list[float]:
    """The unnormalised probabilities of `dgm` once standings are drawn, all positive."""
    middle = statistics.median(gains)
    spread = statistics.median([abs(gain - middle) for gain in gains]) or 1e-9
    scaled = [max(-6.0, min(6.0, (gain - middle) / spread)) for gain in gains]
    return [1 / (1 + math.exp(-2 * z)) / (1 + n) for z, n in zip(scaled, attempts, strict=True)]
