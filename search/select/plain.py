"""Policies of a line each: hill climbing, best of n and their like."""

from random import Random

from ...agents.aide import DRAFTS
from ...archive import Node, Tree
from .darwin import dgm_weights


def best(tree: Tree, rng: Random) -> Node:
    """Always the node of the highest rank: plain hill climbing. All others have no chance."""
    return _leader(tree, tree.eligible())


def uniform(tree: Tree, rng: Random) -> Node:
    """Any eligible node with equal probability."""
    return rng.choice(tree.eligible())


def planted(tree: Tree, rng: Random) -> Node:
    """The start or a baseline, better ones more often: best of n, which builds on no child.

    Children have no chance.
    """
    nodes = tree.planted()
    return rng.choices(
        nodes, dgm_weights([tree.ranking[n.number] for n in nodes], [0] * len(nodes))
    )[0]


def latest(tree: Tree, rng: Random) -> Node:
    """The newest of the nodes that may be built on: a line instead of a tree.

    The ablation of the Darwin Goedel Machine without its archive (Zhang et al. 2025). All others
    have no chance.
    """
    return max(tree.eligible(), key=lambda node: node.number if node.parent is not None else -1)


def aide(tree: Tree, rng: Random) -> Node:
    """The best planted node until it has been tried `DRAFTS` times, then the best of all.

    After AIDE (Jiang et al. 2025): a few drafts, then greedy. Children of any planted node count
    as drafts, whatever became of them; mending broken ones is the agent's part. Nodes that do not
    lead have no chance.
    """
    nodes = tree.eligible()
    roots = [node for node in nodes if node.parent is None]
    drafts = sum(len(tree.children(node)) for node in tree.planted())
    return _leader(tree, roots if roots and drafts < DRAFTS else nodes)


def _leader(tree: Tree, nodes: list[Node]) -> Node:
    return max(nodes, key=lambda node: (tree.ranking[node.number], -node.number))
