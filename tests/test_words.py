"""What trees, lists and nodes say of a number: interval, count, and what chose its seeds."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.runs import node

from ratchet.agents.research.facts import outcome
from ratchet.app.cli import node_page, view
from ratchet.app.pages import sentences
from ratchet.app.pages.seeds import chosen
from ratchet.archive import Evidence, Node, Tree, ahead, difference, over_start
from ratchet.drawing import summary
from ratchet.evals import COMMON, Estimate, Rule, judge
from ratchet.tasks import Metric

SEEDS = Rule().estimate
RANKED = (Evidence(stream=COMMON, count=SEEDS),)
STEP = Estimate(gain=0.1, low=0.05, high=0.15, pairs=SEEDS)


def ranked(number: int, values: list[float], kind: str = "baseline", **more: Any) -> Node:
    """A node with these gains over the start, the same on each of its two workloads."""
    summed = judge.summary(values)
    fields = {"gain_error": summed.error, "instances": (*values, *values), **more}
    made: Node = node(number, summed.mean, evidence=RANKED, **fields)
    return made.model_copy(update={"kind": kind, "name": "muon"})


def grown(best: float) -> Tree:
    """A start, the baseline muon at +0.5, and a confirmed node at about `best`."""
    rng = Random(1)
    shared = [rng.gauss(0, 0.2) for _ in range(SEEDS)]
    muon = ranked(1, [0.5 + noise for noise in shared])
    kept = [best + noise + rng.gauss(0, 0.01) for noise in shared]
    confirmed = ranked(2, kept, "candidate", parent=0, standing="confirmed", estimate=STEP)
    start = node(0, 0.0, evidence=RANKED, instances=(0.0,) * 2 * SEEDS)
    return Tree([start, muon, confirmed])


def test_a_node_behind_a_planted_program_is_never_called_best_without_that() -> None:
    line = view.best_line(grown(0.3), "nats")
    assert line.startswith("node 2, behind muon by +0.1")
    assert line.count("±") == 3
    assert f"over the start ({SEEDS} seeds)" in line
    assert "behind" not in view.best_line(grown(0.7), "nats")


def test_how_far_a_node_is_behind_is_measured_on_the_seeds_that_both_share() -> None:
    tree = grown(0.3)
    front = ahead(tree, tree[2])
    assert front is not None
    assert front.rival.name == "muon"
    assert front.by.low < 0.2 < front.by.high
    assert front.by.error < tree[1].gain_error / 5
    older = Tree([*tree, tree[2].model_copy(update={"instances": ()})])
    errors = [older.effects[number].error for number in (1, 2)]
    assert difference(older, older[1], older[2]).error >= math.hypot(*errors)


@given(st.lists(st.floats(-1, 1), min_size=SEEDS, max_size=SEEDS))
def test_a_gain_over_the_start_has_the_interval_of_its_seeds(values: list[float]) -> None:
    one = ranked(1, values)
    gain = over_start(Tree([node(0, 0.0), one]), one)
    assert gain is not None
    expected = judge.estimate(values)
    assert (gain.low, gain.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert gain.pairs == SEEDS


def test_every_gain_over_the_start_has_an_interval_and_a_count() -> None:
    tree = grown(0.3)
    for one in tree:
        for words in (view.node_line(tree, one).plain, summary(one, over_start(tree, one))):
            assert ("over the start" in words) <= ("±" in words and "seeds)" in words)
    assert "over the start" not in view.node_line(tree, tree[0]).plain


def test_a_node_is_shown_with_whether_it_transfers() -> None:
    tree = grown(0.3)
    assert "  does not transfer  " in view.node_line(tree, tree[2], "does not transfer").plain
    assert "transfer" not in view.node_line(tree, tree[2]).plain


def test_agents_and_models_are_told_of_what_is_unproven_as_they_ever_were() -> None:
    metric = Metric(name="loss", unit="nats", goal="min", worst=20.0, minimum_gain=0.002)
    lines = {outcome(node(3, None, 1, word), metric) for word in ("unproven", "refuted")}
    assert len(lines) == 1
    assert ": refuted; " in lines.pop()
    assert {node(3, None, 1, word).for_agents for word in ("confirmed", "invalid")} == {
        "confirmed",
        "invalid",
    }


@pytest.mark.parametrize("stream", [COMMON, "search/3", "search/3/7", "confirm/4", "baseline/4"])
def test_every_stream_of_a_search_says_what_chose_its_seeds(stream: str) -> None:
    assert chosen(stream).split()[1] == "seeds,"
    assert ("rank" in chosen(stream)) == (stream == COMMON)


def measured(stream: str, versus: str, gain: Estimate) -> str:
    """The page's lines for scores on one stream."""
    evidence = {
        "stream": stream, "workloads": "dev", "versus": "r.1", "rival": versus, "failed": 1,
        "scores": [1.0, 2.0], "versus_scores": [1.5, 2.5], "gain": gain.model_dump(),
    }  # fmt: skip
    return "\n".join(str(row) for row in node_page.measured(evidence, "nats"))


def test_the_scores_of_a_rival_bear_its_name() -> None:
    words = measured("baseline/4", "muon", STEP)
    assert "\nmuon " in words
    assert "parent" not in words
    assert "1 of 2 seeds failed" in words
    assert "identical scores" in measured(COMMON, "muon", Estimate(gain=0, low=0, high=0, pairs=2))


def claimed(**more: object) -> str:
    record = {"held": True, "log_e": 20.0, "log_threshold": 4.0, "pairs": 208, **more}
    return sentences.claim_words(record)


def test_odds_are_capped_and_name_their_condition() -> None:
    assert "about symmetric" in claimed()
    assert "less than once in 1,000 tries" in claimed()
    assert "less than once in 90 tries" in claimed(log_e=math.log(90))
    assert "less than once in 2,981 tries" in claimed(log_threshold=8.0)
    assert "about symmetric" not in claimed(bound=0.04)


def test_a_claim_says_on_which_seeds_it_rests() -> None:
    assert "it rests on seeds that did not fail: no seed of 208 failed" in claimed(failed=0)
    assert "3 of 208 seeds failed: 0.3 to 4.2 % do (95 %), and count as" in claimed(failed=3)
    assert "fail" not in claimed(failed=None)
