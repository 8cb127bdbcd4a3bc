"""How far a node stands from the start, and from what was planted: gains with 95 % intervals."""

import math
import sys
from typing import NamedTuple

from ..evals import Estimate, Rule, judge
from ..evals.records import GREATEST
from .node import Node
from .tree import Tree

Z = 1.96  # normal quantile of a 95 % interval, where the count of seeds is not archived


class Ahead(NamedTuple):
    """The planted node that a node stands behind, and by how much, with a 95 % interval."""

    rival: Node
    by: Estimate


def over_start(tree: Tree, node: Node) -> Estimate | None:
    """The gain of a node of the tree over its start; None for the start and what has no rank.

    `pairs` is 1 where an older archive does not say on how many seeds it was measured.
    """
    effect = tree.effects.get(node.number)
    if effect is None or node.number == tree.roots()[0].number:
        return None
    return _estimate(*effect)


def ahead(tree: Tree, node: Node) -> Ahead | None:
    """The best planted node where a ranked `node` stands behind it, else None."""
    planted = [other for other in tree.planted() if other.number in tree.effects]
    if node.number not in tree.effects or not planted:
        return None
    rival = max(planted, key=lambda other: tree.effects[other.number].gain)
    gap = difference(tree, rival, node)
    return Ahead(rival, gap) if gap.gain > 0 else None


def difference(tree: Tree, node: Node, rival: Node) -> Estimate:
    """The gain of a ranked node over another one, with a 95 % interval.

    Its width comes from the common seeds that both share. Where an archive has no gains by seed,
    the errors of both gains over the start are added, which is never too narrow.
    """
    own, other = tree.effects[node.number], tree.effects[rival.number]
    values = _by_seed(node, rival)
    if values is None:
        fewer = min(own.seeds, other.seeds)
        return _estimate(own.gain - other.gain, own.error + other.error, fewer)
    return _estimate(own.gain - other.gain, judge.summary(values).error, len(values))


def _by_seed(node: Node, rival: Node) -> list[float] | None:
    """Gains seed by seed on the first common seeds, as means over workloads."""
    rule = next((n.verdict.rule for n in (node, rival) if n.verdict and n.verdict.rule), Rule())
    seeds, cells = rule.estimate, len(node.instances)
    if not cells or cells != len(rival.instances) or cells % seeds:
        return None
    if any(abs(gain) > 2 * GREATEST for gain in (*node.instances, *rival.instances)):
        return None  # no score is beyond that, and sums of such would overflow
    apart = [own - other for own, other in zip(node.instances, rival.instances, strict=True)]
    return [math.fsum(apart[seed::seeds]) * seeds / cells for seed in range(seeds)]


def _estimate(gain: float, error: float, seeds: int) -> Estimate:
    from scipy.special import stdtrit

    half = error * (float(stdtrit(seeds - 1, 0.975)) if seeds > 1 else Z)
    low, middle, high = map(_finite, (gain - half, gain, gain + half))
    return Estimate(gain=middle, low=low, high=high, pairs=max(1, seeds))


def _finite(value: float) -> float:
    """The nearest number that is finite: an archive that anyone may have made can hold any."""
    return max(-sys.float_info.max, min(sys.float_info.max, value))
