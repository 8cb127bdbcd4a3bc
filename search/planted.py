"""Where a program stands beside the start and the baselines, and what it may claim there.

Pure: a tree in, an answer out. Nothing here looks at the seeds of a claim.
"""

import math
from typing import Literal

from ..archive import Node, Tree
from ..evals import Rule, Summary, judge
from ..tasks import Metric

PLAUSIBLE = 3.0  # standard errors by which a gain may be larger than its screen says
FAR = 2.0  # standard deviations of a gain, which take several steps to make up
SIMPLER_BY = 3  # fewer syntax nodes by which a program counts as simpler (one operation)


def best_planted(tree: Tree) -> Node:
    """The best of the start and the baselines, of those that have a score."""
    return max(tree.planted(), key=lambda node: tree.ranking[node.number])


def behind(rule: Rule, tree: Tree, parent: Node, screen: Summary) -> bool:
    """Whether a child has no hope of reaching the best planted program, nor have its next few.

    On the common seeds its parent lacks more than the child's `screen` makes plausible, which is
    its mean and three standard errors, by more than twice the standard deviation of one gain.
    """
    if rule.behind is None:
        return False
    best = best_planted(tree)
    lacking = (best.gain or 0.0) - (parent.gain or 0.0) - screen.mean
    error = math.hypot(best.gain_error, parent.gain_error, screen.error)
    return lacking - PLAUSIBLE * error > FAR * screen.sd


def says(
    rule: Rule, metric: Metric, tree: Tree, parent: Node, size: int, screen: Summary
) -> Literal["better", "simpler"]:
    """What a child of `size` syntax nodes with this screen may claim over its parent."""
    return judge.claimed(
        rule, screen, smaller=may_simplify(rule, metric, tree, parent, size, screen)
    )


def simpler(nodes: int, than: Node) -> bool:
    """Whether a program of so many syntax nodes has at least an operation less than a node's."""
    return nodes <= than.size - SIMPLER_BY


def may_simplify(
    rule: Rule, metric: Metric, tree: Tree, parent: Node, size: int, screen: Summary
) -> bool:
    """Whether a child of `size` syntax nodes may claim to be simpler, and could show it.

    Nothing planted may be better than what it simplifies. A child that loses nothing has to have
    the rule's chance `winnable` of showing that, where single gains vary as in its `screen`.
    """
    if not simpler(size, parent):
        return False
    if not rule.winnable:
        return True
    if (tree.anchor(parent).gain or 0.0) < (best_planted(tree).gain or 0.0):
        return False
    level, spread = judge.level(rule, tree.claims()), float(f"{screen.sd:.1g}")  # few are simulated
    least = judge.detectable(rule, level, rule.winnable, spread=spread)
    return least is not None and -rule.margin(metric, "simpler") > least * screen.sd
