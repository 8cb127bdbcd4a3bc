"""The schedule: where the next trials go."""

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from stand_ins.runs import node

from ratchet.archive import Evidence, Node, Tree
from ratchet.evals import COMMON, Estimate, Rule, Summary, Verdict
from ratchet.evals.rule import BEFORE
from ratchet.search.planted import behind as far_behind
from ratchet.search.planted import may_simplify
from ratchet.search.schedule import (
    EXPAND,
    Action,
    adaptive,
    advances,
    expected_positive,
    fixed,
    improvement,
    retests,
)
from ratchet.tasks import Metric

RULE = Rule()
METRIC = Metric(name="loss", unit="nats", goal="min", worst=9.0, minimum_gain=0.01)


def waiting(number: int, mean: float, sd: float = 1.0, pairs: int = 8) -> Node:
    verdict = Verdict(
        standing="promising", reason="", screen=Summary(mean=mean, sd=sd, pairs=pairs)
    )
    made: Node = node(number, None, 0, "promising")
    return made.model_copy(update={"verdict": verdict})


def ranked(number: int, gain: float, error: float) -> Node:
    half = 1.96 * error
    estimate = Estimate(gain=gain, low=gain - half, high=gain + half, pairs=1000)
    verdict = Verdict(standing="confirmed", reason="", estimate=estimate)
    made: Node = node(number, gain, 0, "confirmed")
    return made.model_copy(
        update={
            "verdict": verdict,
            "gain_error": error,
            "evidence": (Evidence(stream=COMMON, count=32, versus=0),),
        }
    )


@settings(deadline=None, max_examples=50)
@given(st.floats(-3, 3), st.floats(0.01, 3))
def test_expected_improvement_is_the_integral_it_is_defined_as(mean: float, sd: float) -> None:
    density = stats.norm().pdf
    low = max(-12.0, min(12.0, -mean / sd))
    whole = integrate.quad(lambda z: (mean + sd * z) * density(z), low, 12.0)[0]
    assert expected_positive(mean, sd) == pytest.approx(whole, abs=1e-6)


@given(st.floats(-2, 2), st.floats(0.01, 2), st.integers(4, 100))
def test_a_better_screen_is_worth_more(mean: float, more: float, pairs: int) -> None:
    low, high = (Summary(mean=m, sd=1.0, pairs=pairs) for m in (mean, mean + more))
    assert improvement(high, RULE) >= improvement(low, RULE) >= 0


@given(st.floats(-2, 2), st.floats(1e-3, 1e3))
def test_choices_do_not_depend_on_the_unit(mean: float, unit: float) -> None:
    one = improvement(Summary(mean=mean, sd=1.0, pairs=8), RULE)
    other = improvement(Summary(mean=unit * mean, sd=unit, pairs=8), RULE)
    assert other == pytest.approx(unit * one)


def test_a_clear_winner_is_advanced_before_new_children_are_made() -> None:
    tree = Tree([node(0, 0.0), waiting(1, 0.0), waiting(2, 1.5)])
    assert adaptive(tree, [], RULE, METRIC, may_expand=True) == Action("advance", 2)


def test_a_node_on_its_way_is_left_alone() -> None:
    tree = Tree([node(0, 0.0), waiting(1, 1.0), waiting(2, 1.5)])
    busy = [Action("advance", 2)]
    assert adaptive(tree, busy, RULE, METRIC, may_expand=True) == Action("advance", 1)


def test_one_turn_in_three_makes_a_child_at_least() -> None:
    tree = Tree([node(0, 0.0), *(waiting(number, 2.0) for number in range(1, 9))])
    busy = [Action("advance", 1), Action("advance", 2)]
    assert adaptive(tree, busy, RULE, METRIC, may_expand=True) == EXPAND


def test_nothing_promising_means_a_new_child_and_no_budget_for_one_means_the_end() -> None:
    tree = Tree([node(0, 0.0)])
    for schedule in (adaptive, fixed):
        assert schedule(tree, [], RULE, METRIC, True) == EXPAND
        assert schedule(tree, [], RULE, METRIC, False) is None


def test_leaders_that_cannot_be_told_apart_are_worth_a_retest_and_clear_ones_are_not() -> None:
    close = Tree([node(0, 0.0), ranked(1, 1.0, 0.3), ranked(2, 0.99, 0.3)])
    clear = Tree([node(0, 0.0), ranked(1, 3.0, 0.1), ranked(2, 1.0, 0.1)])
    assert {number for number, _ in retests(close, RULE)} == {1, 2}
    assert max(value for _, value in retests(close, RULE)) > 1000 * max(
        value for _, value in retests(clear, RULE)
    )
    alone = Tree([node(0, 0.0), ranked(1, 1.0, 0.3)])
    assert retests(alone, RULE) == []


def test_a_choice_changes_nothing_and_is_always_the_same() -> None:
    rng = Random(1)
    tree = Tree([node(0, 0.0), *(waiting(i, rng.gauss(0, 1)) for i in range(1, 30))])
    before = [each.model_dump() for each in tree]
    chosen = {adaptive(tree, [], RULE, METRIC, True) for _ in range(5)}
    assert len(chosen) == 1
    assert [each.model_dump() for each in tree] == before
    assert not math.isnan(improvement(Summary(mean=0.0, sd=0.0, pairs=8), RULE))


def far(standing: float) -> Tree:
    """A start, a baseline that is ahead by `standing`, and a child of the start that waits."""
    child = waiting(2, 0.3, pairs=16).model_copy(update={"parent": 0})
    return Tree([node(0, 0.0, size=40), node(1, standing, size=40), child])


def test_a_child_far_behind_the_best_baseline_counts_for_its_share_of_the_error_budget() -> None:
    assert RULE.behind is not None
    (_, near), (_, behind) = (advances(far(lead), RULE, METRIC)[0] for lead in (1.0, 9.0))
    assert behind == pytest.approx(RULE.behind * near)
    older = Rule.model_copy(RULE, update=BEFORE)
    assert advances(far(9.0), older, METRIC)[0][1] == near


@given(st.floats(-2, 2), st.floats(0, 9), st.floats(0, 5))
def test_more_of_a_lead_never_brings_a_child_nearer_and_a_better_screen_does(
    mean: float, lead: float, more: float
) -> None:
    screen = Summary(mean=mean, sd=1.0, pairs=16)
    better = screen.model_copy(update={"mean": mean + more})
    tree, further = far(lead), far(lead + more)
    assert far_behind(RULE, further, further[0], screen) >= far_behind(RULE, tree, tree[0], screen)
    assert far_behind(RULE, tree, tree[0], better) <= far_behind(RULE, tree, tree[0], screen)
    assert not far_behind(RULE, tree, tree[1], screen) or mean < 0


def test_simpler_is_asked_where_it_can_be_won_and_of_nothing_behind_a_baseline() -> None:
    def asked(lead: float, parent: int, sd: float, rule: Rule = RULE) -> bool:
        tree, screen = far(lead), Summary(mean=0.0, sd=sd, pairs=16)
        return may_simplify(rule, METRIC, tree, tree[parent], 30, screen)

    steady, noisy = METRIC.minimum_gain / 2, METRIC.minimum_gain * 9
    assert asked(1.0, parent=1, sd=steady)
    assert asked(1.0, parent=1, sd=0.0)
    assert not asked(1.0, parent=1, sd=noisy)
    assert not asked(1.0, parent=0, sd=steady)
    assert asked(-1.0, parent=0, sd=steady)
    assert asked(1.0, parent=0, sd=noisy, rule=Rule.model_copy(RULE, update=BEFORE))
    tree = far(1.0)
    screen = Summary(mean=0.0, sd=steady, pairs=16)
    assert not may_simplify(RULE, METRIC, tree, tree[1], 39, screen)


def test_a_tree_that_grows_weighs_nodes_as_one_made_anew_by_whatever_rule() -> None:
    grown = [node(0, 0.0), waiting(1, 0.2)]
    tree = Tree(grown)
    for state in (waiting(2, 0.3), waiting(1, 0.6), ranked(3, 0.5, 0.1), waiting(2, 0.3, pairs=16)):
        advances(tree, RULE, METRIC)
        grown.append(state)
        tree = tree.grown(state)
        for rule in (RULE, Rule(effect_scale=0.2)):
            assert advances(tree, rule, METRIC) == advances(Tree(grown), rule, METRIC)
