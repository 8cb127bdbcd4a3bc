"""Where the next trials decide most: a new child, a promising one, or the leader's rank.

Making candidates and measuring them are decoupled, as in the Huxley Goedel Machine (Wang et al.
2025). Every action is worth the gain it is expected to add per trial: a waiting child by
expected improvement (Jones et al. 1998), the leader's rank by the knowledge gradient (Frazier et
al. 2008), a new child by what new children have brought so far. Pure: a tree in, an action out.
"""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..archive import Node, Tree
from ..evals import Rule, Summary
from ..tasks import Metric
from .planted import behind, says

EXPAND_EVERY = 3  # at least every third turn makes a new child
PRIOR_GAIN, PRIOR_COST = 0.5, 400.0  # a new child's worth at first: noise units per trials
RETEST = 16  # common seeds that a leader is given at a time, where trials are not dear
FRUITLESS = 100  # proposals in a row that could not be measured, after which a search ends
AGAIN = 10  # more of them allowed once a search that ended so is resumed


class Action(NamedTuple):
    """What a turn does: `expand` the tree, `advance` a promising node, or `retest` a ranked one."""

    kind: Literal["expand", "advance", "retest"]
    node: int | None = None


EXPAND = Action("expand")


def fixed(
    tree: Tree, busy: Sequence[Action], rule: Rule, metric: Metric, may_expand: bool
) -> Action | None:
    """Always a new child, which is screened and confirmed within its turn."""
    return EXPAND if may_expand else None


def adaptive(
    tree: Tree, busy: Sequence[Action], rule: Rule, metric: Metric, may_expand: bool
) -> Action | None:
    """The action of the largest expected gain per trial, or None if there is none.

    `busy` are the actions of turns that `tree` does not show yet: their nodes are left alone.
    """
    taken = {action.node for action in busy}
    options = [
        *(
            (value, Action("advance", n))
            for n, value in advances(tree, rule, metric)
            if n not in taken
        ),
        *((value, Action("retest", n)) for n, value in retests(tree, rule) if n not in taken),
    ]
    recent = [action.kind for action in busy[-(EXPAND_EVERY - 1) :]]
    due = len(recent) == EXPAND_EVERY - 1 and "expand" not in recent
    if not may_expand:
        options = [(value, action) for value, action in options if action.kind == "advance"]
    elif due:
        return EXPAND
    else:
        options.append((expansion(tree), EXPAND))
    return max(options, key=lambda option: option[0], default=(0.0, None))[1]


def expansion(tree: Tree) -> float:
    """Expected gain per trial of making a child, from what the run's children brought."""
    spreads = tree.spreads
    unit = spreads[len(spreads) // 2] if spreads else math.inf
    gained = sum(
        max(0.0, n.verdict.estimate.gain)
        for n in tree.estimated()
        if n.verdict and n.verdict.estimate
    )
    return (PRIOR_GAIN * unit + gained) / (PRIOR_COST + tree.proposed_trials)


def advances(tree: Tree, rule: Rule, metric: Metric) -> list[tuple[int, float]]:
    """The promising nodes that wait for seeds, each with its expected gain per trial.

    A node that may only claim to be simpler is worth the loss that it would be forgiven. One that
    is hopelessly behind the best planted program counts for its share of the error budget.
    """
    options, worth = [], tree.worth
    for node in tree.waiting():
        state, by, value = worth.get(node.number, (None, None, 0.0))
        if state is not node or by is not rule:
            value = _advance(tree, rule, metric, node)
            worth[node.number] = node, rule, value
        options.append((node.number, value))
    return options


def _advance(tree: Tree, rule: Rule, metric: Metric, node: Node) -> float:
    """What a waiting node's next seeds are expected to gain, each."""
    child, share = tree.child(node), 1.0
    screen = child.screen
    if behind(rule, tree, child.parent, screen):
        share = rule.behind or 1.0
    if says(rule, metric, tree, child.parent, node.size, screen) == "simpler":
        mean = screen.mean - rule.margin(metric, "simpler")
        screen = screen.model_copy(update={"mean": mean})
    return share * improvement(screen, rule)


def improvement(screen: Summary, rule: Rule) -> float:
    """Expected gain per trial of finding out whether a screened child is better.

    Its standardised gain has a normal prior as wide as the rule's `effect_scale`.
    """
    weight = screen.pairs + 1 / rule.effect_scale**2
    unit = screen.sd or abs(screen.mean) or 1e-12
    mean, deviation = screen.mean / unit * screen.pairs / weight, 1 / math.sqrt(weight)
    hope = max(mean, deviation)
    pairs = min(max(2 * math.log(20 / rule.own_alpha) / hope**2, rule.block), rule.most)
    return unit * expected_positive(mean, deviation) / (2 * pairs)


def retests(tree: Tree, rule: Rule) -> list[tuple[int, float]]:
    """The two leading nodes, each with the gain expected per trial of ranking it again."""
    ranked = [n for n in tree.kept() if n.validated]
    ranked.sort(key=lambda n: tree.ranking[n.number], reverse=True)
    if len(ranked) < 2:
        return []
    behind = tree.ranking[ranked[0].number] - tree.ranking[ranked[1].number]
    options = []
    for node in ranked[:2]:
        effect = tree.effects[node.number]
        more = retested(rule)
        resolved = effect.error * math.sqrt(more / (effect.seeds + more))
        options.append((node.number, expected_positive(-behind, resolved) / (2 * more)))
    return options


def retested(rule: Rule) -> int:
    """How many common seeds a leader is given at a time."""
    return RETEST if rule.pooled is None else rule.most


def patience(tree: Tree, lag: int) -> int:
    """How many fruitless proposals in a row, seen `lag` turns late, end a search of `tree`.

    A search that ended so may try a few more: what was in the way may have been mended.
    """
    before = tree.fruitless()
    return FRUITLESS if before < FRUITLESS + lag else before + AGAIN - lag


def expected_positive(mean: float, deviation: float) -> float:
    """Expected value of a normal variable where it is positive, and zero elsewhere."""
    if deviation <= 0:
        return max(mean, 0.0)
    z = mean / deviation
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return max(0.0, deviation * (density + z * math.erfc(-z / math.sqrt(2)) / 2))


SCHEDULES = {"adaptive": adaptive, "fixed": fixed}
