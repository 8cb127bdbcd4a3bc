"""Parents by the chance that a child of theirs becomes the best program of the run."""

import math
import statistics
from collections.abc import Sequence
from random import Random

from ...archive import Node, Tree
from .chance import floored, pick

ATTEMPTS = 20.0  # proposals that what all parents have brought is worth, for each of them
STEPS = 2.0  # confirmed steps that the expectation before any is worth
ERRORS = 3.0  # standard errors of a rank: about the least step that a search can see


def lead(tree: Tree, rng: Random) -> Node:
    """The node with the highest chance that a child of it leads, as far as is known.

    Steps are taken for exponential, and the typical one is learned from what was confirmed. So a
    child overtakes a leader that is `gap` ahead with the chance exp(-gap / step), times the chance
    that it gains at all: what the node's children have brought, drawn towards what all have
    brought. Standings and chances are drawn from their posteriors (Thompson 1933), so that a node
    is chosen as often as it may be the right one. With probability `FLOOR` it is any eligible node.
    """
    nodes = tree.eligible()
    standings = [
        rng.normalvariate(tree.ranking[node.number], tree.ranking_error[node.number])
        for node in nodes
    ]
    tried, gained = zip(*(tree.brought(node) for node in nodes), strict=True)
    chances = gain_chances(gained, tried)
    drawn = [rng.betavariate(*chance) for chance in chances]
    return pick(nodes, lead_weights(standings, drawn, typical_step(tree)), rng)


def gain_chances(gained: Sequence[int], tried: Sequence[int]) -> list[tuple[float, float]]:
    """The Beta posterior of each node that a child gains, from how many `gained` of the `tried`.

    The prior is what the children of all nodes have brought, worth `ATTEMPTS` proposals.
    """
    rate = (1 + sum(gained)) / (2 + sum(tried))
    return [
        (ATTEMPTS * rate + won, ATTEMPTS * (1 - rate) + count - won)
        for won, count in zip(gained, tried, strict=True)
    ]


def lead_weights(standings: Sequence[float], chances: Sequence[float], step: float) -> list[float]:
    """The probabilities of `lead` once all is drawn: one node has all but the floor.

    `chances` are those that a child gains, and `step` is how much it then gains on average, in the
    unit of the standings.
    """
    best = max(standings)
    logs = [
        math.log(max(chance, 1e-300)) - (best - standing) / step
        for standing, chance in zip(standings, chances, strict=True)
    ]
    highest = max(logs)
    return floored([float(log == highest) for log in logs])


def typical_step(tree: Tree) -> float:
    """The geometric mean of the confirmed gains over parents, which no single one can rule.

    Before there are some, it is what a search can just tell from noise.
    """
    errors = [error for error in tree.ranking_error.values() if error > 0]
    least = ERRORS * statistics.median(errors) if errors else 0.0
    steps = [
        node.verdict.estimate.gain
        for node in tree.borne_out()
        if node.verdict and node.gained and node.verdict.estimate
    ]
    logs = [math.log(step) for step in steps if step > 0]
    if least > 0:
        logs += [math.log(least)] * round(STEPS)
    return math.exp(statistics.fmean(logs)) if logs else 1e-9
