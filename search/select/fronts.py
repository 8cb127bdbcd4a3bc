"""Parents that are best at something: a Pareto front over workloads and seeds."""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from ...archive import Node, Tree
from .chance import floored, pick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FIRST = 8  # instances that tell most pairs apart, so that few pairs need all


def gepa(tree: Tree, rng: Random) -> Node:
    """A node in proportion to the workloads and seeds on which nothing eligible is better.

    After GEPA (Agrawal et al. 2025), with a workload on a seed as its instance, and without nodes
    that another one dominates. Specialists stay alive beside the best on average. A node without
    `instances`, as in older archives, counts as equally good on all. With probability `FLOOR` it is
    any eligible node instead, so that each keeps a positive chance.
    """
    nodes = tree.eligible()
    return pick(nodes, gepa_weights(gepa_fronts(_gains(nodes))), rng)


def gepa_weights(fronts: Sequence[int]) -> list[float]:
    """The probabilities of `gepa`, which sum to one, from the number of fronts of each node."""
    return floored(fronts)


def gepa_fronts(gains: Sequence[Sequence[float]]) -> list[int]:
    """On how many instances each row is among the best; dominated rows are on none.

    `gains` is [nodes, instances]. A row dominates another that it equals or exceeds everywhere and
    exceeds somewhere.
    """
    import numpy as np  # not at the top: --help need not wait for it

    table = np.array(gains, dtype=np.float64) + 0.0  # there is one zero
    rows, index = np.unique(table, axis=0, return_inverse=True)
    won = (rows == rows.max(axis=0)).sum(axis=1)
    leading = np.flatnonzero(won)  # only a leading row can dominate a leading row
    won[leading[_dominated(rows[leading])]] = 0
    return [int(count) for count in won[index.reshape(-1)]]


def _dominated(rows: "NDArray[np.float64]") -> "NDArray[np.bool_]":
    """Which of the rows, all different and in ascending lexicographic order, are dominated.

    A row can be dominated by later ones alone, and if it is, then by one that is not dominated.
    """
    import numpy as np

    dominated = np.zeros(len(rows), dtype=np.bool_)
    free, count = np.empty_like(rows), 0
    for at in reversed(range(len(rows))):
        row = rows[at]
        rivals = free[:count][(free[:count, :FIRST] >= row[:FIRST]).all(axis=1)]
        dominated[at] = (rivals >= row).all(axis=1).any()
        if not dominated[at]:
            free[count] = row
            count += 1
    return dominated


def _gains(nodes: Sequence[Node]) -> list[tuple[float, ...]]:
    """The instances of each node, all of one length."""
    length = max(1, *(len(node.instances) for node in nodes))
    return [
        node.instances if len(node.instances) == length else (node.gain or 0.0,) * length
        for node in nodes
    ]
