"""From weights to a node, with a chance left for every one."""

import math
from collections.abc import Sequence
from random import Random

from ...archive import Node

FLOOR = 0.05  # of all probability, which every node gets an equal share of


def floored(weights: Sequence[float]) -> list[float]:
    """Probabilities in proportion to `weights`, but for `FLOOR`, which all share equally.

    So no probability is below FLOOR / n, even where its weight is zero.
    """
    total, count = math.fsum(weights), len(weights)
    if total <= 0:
        return [1 / count] * count
    return [FLOOR / count + (1 - FLOOR) * (weight / total) for weight in weights]


def pick(nodes: Sequence[Node], weights: Sequence[float], rng: Random) -> Node:
    """One node, with probability in proportion to its weight."""
    return rng.choices(nodes, weights)[0]
