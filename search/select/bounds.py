"""Parents by an upper confidence bound on their rank."""

import math
from collections.abc import Sequence
from random import Random

from ...archive import Node, Tree
from .chance import floored, pick

EXPLORE = 0.25


def uct(tree: Tree, rng: Random) -> Node:
    """The node of the highest q + c sqrt(ln N / n), or any of those that share it.

    After UCT (Kocsis and Szepesvari 2006) with the constant c = 0.25 of aira-dojo (Toledo et al.
    2025). q is the rank, scaled to 0..1 over the eligible nodes; n is one plus the proposals made
    from the node and its descendants, duplicates included; N is one plus those of the whole tree.
    With probability `FLOOR` it is any eligible node instead, so that each keeps a positive chance.
    """
    nodes = tree.eligible()
    ranks = [tree.ranking[node.number] for node in nodes]
    proposals = tree.totals(_proposals)
    visits = [1 + proposals[node.number] - _proposals(node) for node in nodes]
    every = 1 + sum(_proposals(node) for node in tree)
    return pick(nodes, uct_weights(uct_bounds(ranks, visits, every)), rng)


def uct_bounds(ranks: Sequence[float], visits: Sequence[int], every: int) -> list[float]:
    """The upper confidence bound of each node; `every` counts all visits, each of `visits` >= 1."""
    low, high = min(ranks), max(ranks)
    scaled = [(rank - low) / (high - low) if high > low else 0.5 for rank in ranks]
    return [
        q + EXPLORE * math.sqrt(math.log(every) / n) for q, n in zip(scaled, visits, strict=True)
    ]


def uct_weights(bounds: Sequence[float]) -> list[float]:
    """The probabilities of `uct`, which sum to one: the highest bounds share all but the floor."""
    highest = max(bounds)
    return floored([float(bound == highest) for bound in bounds])


def _proposals(node: Node) -> int:
    """How many proposals the node cost its parent: itself and the duplicates before it."""
    return 0 if node.parent is None else 1 + node.discarded
