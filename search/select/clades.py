"""Parents by what came of all their descendants, after the Huxley Goedel Machine."""

from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from ...archive import Node, Tree


class Outcomes(NamedTuple):
    """How many proposals made within a clade were kept, and how many came to nothing."""

    kept: int
    failed: int


def hgm(tree: Tree, rng: Random) -> Node:
    """The node of the highest draw from Beta(1 + kept, 1 + failed) of its clade's proposals.

    Thompson sampling of clade metaproductivity, after the Huxley Goedel Machine (Wang et al.
    2025): a node is worth what its lineage goes on to find. Its other half, that making children
    and measuring them are scheduled apart, is the schedule `adaptive`. A Beta has mass everywhere,
    so every eligible node keeps a positive chance.
    """
    clades = clade_outcomes(tree)

    def productivity(node: Node) -> float:
        clade = clades[node.number]
        return rng.betavariate(1 + clade.kept, 1 + clade.failed)

    return max(tree.eligible(), key=productivity)


def clade_outcomes(tree: Tree) -> Mapping[int, Outcomes]:
    """The outcomes of the proposals from each node and from all its descendants, by number.

    The proposals are the node's descendants, without itself. Proposals that wait for seeds count as
    nothing yet, and so do those kept where they could have written their own scores.
    """
    kept, failed = tree.totals(_was_kept), tree.totals(_came_to_nothing)
    return {
        node.number: Outcomes(
            kept[node.number] - _was_kept(node),
            failed[node.number] - _came_to_nothing(node),
        )
        for node in tree
    }


def _was_kept(node: Node) -> int:
    return int(node.kept and node.validated)


def _came_to_nothing(node: Node) -> int:
    return int(node.given_up or node.standing in ("invalid", "no gain"))
