"""Selection policies: pure, and with the probabilities of their formulas."""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from stand_ins.runs import TREE, always, node, start
from stand_ins.tweak import Tweak

from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate, Estimate, Evaluation, Seed, Trial, judge
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.select import (
    POLICIES,
    Cell,
    Outcomes,
    cell,
    clade_outcomes,
    dgm_weights,
    distance,
    gain_chances,
    gepa_fronts,
    gepa_weights,
    lead_weights,
    map_elites_weights,
    typical_step,
    uct_bounds,
    uct_weights,
)
from ratchet.search.select.chance import FLOOR, floored
from ratchet.tasks import Metric

GREEDY = {
    "best",
    "aide",
    "latest",
    "planted",
}  # leave some eligible nodes without a chance, and say so


LEVELS = st.sampled_from([-1000.0, -0.5, 0.0, 0.0, 0.1, 0.3, 0.300001, 1.0])
ERRORS = st.sampled_from([0.0, 0.0, 0.05, 0.5])
INSTANCES = st.one_of(st.just(()), st.tuples(LEVELS, LEVELS, LEVELS))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Trees with every kind of node, ties, failures, and nodes of older archives."""
    nodes = [node(0, 0.0, size=draw(st.integers(0, 40)))]
    for number in range(1, draw(st.integers(1, 20))):
        standing = draw(
            st.sampled_from(["", "confirmed", "promising", "refuted", "invalid", "no gain"])
        )
        scored = standing in ("", "confirmed") or (standing == "promising" and draw(st.booleans()))
        step = draw(st.one_of(st.none(), LEVELS)) if standing and scored else None
        nodes.append(
            node(
                number,
                draw(LEVELS) if scored else None,
                draw(st.integers(0, number - 1)) if standing else None,
                standing,
                draw(st.sampled_from(["container", "container", "none"])),
                None if step is None else Estimate(gain=step, low=step - 1, high=step + 1, pairs=9),
                gain_error=draw(ERRORS),
                instances=draw(INSTANCES) if scored else (),
                size=draw(st.integers(0, 40)),
                discarded=draw(st.integers(0, 3)),
            )
        )
    return Tree(nodes)


def frequencies_match(drawn: Sequence[int], expected: Sequence[float]) -> bool:
    """Whether counts are those of the probabilities `expected`, by a chi-square test."""
    shares = np.array(expected) / math.fsum(expected) * sum(drawn)
    return bool(stats.chisquare(drawn, shares).pvalue > 1e-3)


def drawn_from(name: str, tree: Tree, times: int = 10_000) -> list[int]:
    """How often a policy takes each eligible node."""
    rng, nodes = Random(0), tree.eligible()
    counts = Counter(POLICIES[name](tree, rng).number for _ in range(times))
    assert set(counts) <= {n.number for n in nodes}
    return [counts[n.number] for n in nodes]


@pytest.mark.parametrize("name", sorted(POLICIES))
@given(tree=trees(), seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_a_policy_takes_only_eligible_nodes_and_changes_nothing(
    name: str, tree: Tree, seed: int
) -> None:
    before = [n.model_dump() for n in tree]
    clades = dict(clade_outcomes(tree))
    first, second = Random(seed), Random(seed)
    chosen = [POLICIES[name](tree, first) for _ in range(5)]
    assert [POLICIES[name](tree, second) for _ in range(5)] == chosen
    assert first.getstate() == second.getstate()
    assert all(each.eligible or (name == "planted" and each.verdict is None) for each in chosen)
    assert [n.model_dump() for n in tree] == before
    assert dict(clade_outcomes(tree)) == clades
    fresh, third = Tree(list(tree)), Random(seed)
    assert [POLICIES[name](fresh, third) for _ in range(5)] == chosen


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_the_only_node_is_taken(name: str) -> None:
    assert POLICIES[name](Tree([node(0, 0.0)]), Random(0)).number == 0


@pytest.mark.parametrize("name", sorted(set(POLICIES) - GREEDY))
def test_every_eligible_node_is_taken_at_some_time(name: str) -> None:
    levels = [0.0, -1.0, 0.4, 0.1, 0.4]
    nodes = [node(0, 0.0), node(1, -1.0)]
    nodes += [
        node(number, levels[number], 0, "confirmed", instances=(levels[number],) * 4, size=9)
        for number in (2, 3, 4)
    ]
    assert all(drawn_from(name, Tree([*nodes, node(5, None, 3, "refuted")]), 4000))


def test_latest_makes_a_line_of_the_tree() -> None:
    nodes = [node(0, 0.0), node(1, 9.0), node(2, 5.0, 0, "confirmed"), node(3, 1.0, 0, "confirmed")]
    tree = Tree([*nodes, node(4, None, 3, "refuted")])
    assert {POLICIES["latest"](tree, Random(seed)).number for seed in range(9)} == {3}


@pytest.mark.parametrize("name", ["best", "aide"])
@pytest.mark.parametrize("goal", ["max", "min"])
def test_best_is_best_in_both_directions_of_the_metric(
    name: str, goal: Literal["max", "min"]
) -> None:
    worst = -100.0 if goal == "max" else 100.0
    metric = Metric(name="m", unit="1", goal=goal, worst=worst, minimum_gain=0.0)
    scores = [3.0, 2.0, 4.5, 1.0, 4.0]
    start = evaluated(scores[0])
    nodes = [node(0, 0.0), *(node(n, None, 0, "refuted") for n in range(5, 10))]
    for number in range(1, 5):
        found = judge.summary(judge.gains(evaluated(scores[number]), start, metric))
        nodes.append(node(number, found.mean, 0, "confirmed", gain_error=found.error))
    chosen = POLICIES[name](Tree(nodes), Random(0))
    assert scores[chosen.number] == (max(scores) if goal == "max" else min(scores))


def evaluated(score: float) -> Evaluation:
    seeds = [Seed(train=n, sealed=n) for n in range(4)]
    return Evaluation(
        stream="", trials=tuple(Trial(seed=seed, status="ok", score=score) for seed in seeds)
    )


def test_aide_drafts_from_the_best_planted_node_before_it_climbs() -> None:
    nodes = [node(0, 0.0), node(1, 0.3), node(2, 0.9, 0, "confirmed")]
    for number in range(3, 7):
        assert POLICIES["aide"](Tree(nodes), Random(0)).number == 1
        nodes.append(node(number, None, number % 2, "invalid"))
    assert POLICIES["aide"](Tree(nodes), Random(0)).number == 2


# Lead


def test_lead_spends_next_to_nothing_on_what_cannot_win() -> None:
    step = Estimate(gain=0.1, low=0.05, high=0.15, pairs=32)
    nodes = [node(0, 0.0), node(1, 2.0), node(2, 2.1, 1, "confirmed", estimate=step)]
    nodes += [node(n, 0.1, 0, "confirmed", estimate=step) for n in range(3, 9)]
    drawn = drawn_from("lead", Tree(nodes))
    assert drawn[2] > 0.8 * sum(drawn)
    behind = sum(drawn) - drawn[1] - drawn[2]
    assert behind < 1.1 * FLOOR * sum(drawn)


def test_lead_leaves_a_node_whose_children_bring_nothing_for_one_nearly_as_good() -> None:
    step = Estimate(gain=0.1, low=0.05, high=0.15, pairs=32)
    nodes = [node(0, 0.0, 0), node(1, 0.95), node(2, 1.0)]
    nodes.append(node(3, 0.1, 0, "confirmed", estimate=step))
    fresh = drawn_from("lead", Tree(nodes))
    tired = [*nodes, *(node(n, None, 2, "no gain") for n in range(4, 64))]
    drawn = drawn_from("lead", Tree(tired))
    assert fresh[2] > fresh[1]
    assert drawn[2] < drawn[1]


def test_the_typical_step_is_learned_from_confirmed_gains() -> None:
    def after(*gains: float) -> float:
        steps = [Estimate(gain=gain, low=0.0, high=10.0, pairs=32) for gain in gains]
        nodes = [node(0, 0.0), node(1, 0.3, gain_error=0.01)]
        for number, step in enumerate(steps, 2):
            nodes.append(node(number, step.gain, 0, "confirmed", estimate=step, gain_error=0.01))
        return typical_step(Tree([*nodes, node(9, None, 0, "refuted")]))

    assert after() == pytest.approx(0.03)
    assert after() < after(0.1) < after(0.1, 0.1, 0.1) < 0.1
    assert after(0.03, 0.03, 9.0) < 0.2
    assert typical_step(Tree([node(0, 0.0)])) > 0


@given(
    st.lists(st.tuples(LEVELS, st.floats(0, 1)), min_size=1, max_size=20),
    st.sampled_from([1e-9, 0.01, 1.0, 1e6]),
)
def test_the_weights_of_lead_are_probabilities_with_a_floor(
    nodes: list[tuple[float, float]], step: float
) -> None:
    standings, chances = zip(*nodes, strict=True)
    weights = lead_weights(standings, chances, step)
    assert math.fsum(weights) == pytest.approx(1)
    assert min(weights) >= FLOOR / len(nodes) * (1 - 1e-12)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 90)), min_size=1, max_size=9))
def test_a_node_is_expected_to_bring_what_all_have_brought_until_it_is_known_better(
    counts: list[tuple[int, int]],
) -> None:
    gained = [won for won, _ in counts]
    tried = [won + lost for won, lost in counts]
    chances = gain_chances(gained, tried)
    rate = (1 + sum(gained)) / (2 + sum(tried))
    for (won, lost), own, count in zip(chances, gained, tried, strict=True):
        assert min(won, lost) > 0
        mean = won / (won + lost)
        assert count or mean == pytest.approx(rate)
        assert not count or min(rate, own / count) <= mean + 1e-12
        assert not count or mean <= max(rate, own / count) + 1e-12


# Darwin


def test_dgm_draws_with_the_probabilities_of_its_formula() -> None:
    nodes = TREE.eligible()
    weights = dgm_weights([TREE.ranking[n.number] for n in nodes], [0, 2, 1])
    assert frequencies_match(drawn_from("dgm", TREE), weights)


def test_dgm_draws_standings_from_their_posterior() -> None:
    nodes = [node(0, 0.0), node(1, 0.3, gain_error=0.4), node(2, 0.5), node(3, None, 2, "refuted")]
    at = np.linspace(-4, 4, 4001)
    shares = np.array([dgm_weights([0.0, 0.3 + 0.4 * z, 0.5], [0, 0, 1]) for z in at])
    shares /= shares.sum(axis=1, keepdims=True)
    expected = stats.norm.pdf(at) @ shares
    drawn = drawn_from("dgm", Tree(nodes), 20_000)
    assert frequencies_match(drawn, expected)
    assert not frequencies_match(drawn, dgm_weights([0.0, 0.3, 0.5], [0, 0, 1]))


def test_noise_takes_as_much_of_an_error_as_of_a_step() -> None:
    steps = {1: 0.6, 2: 0.2}
    made = [
        Estimate(gain=gain, low=gain - 0.25, high=gain + 0.25, pairs=32) for gain in steps.values()
    ]
    tree = Tree(
        [
            node(0, 0.0),
            node(1, 0.7, 0, "confirmed", estimate=made[0], gain_error=0.2),
            node(2, 0.9, 1, "confirmed", estimate=made[1], gain_error=0.3),
            node(3, 0.1, gain_error=0.1),
        ]
    )
    spread = math.fsum(each.gain**2 - each.error**2 for each in made) / 2
    share = spread / (spread + made[0].error ** 2)
    assert 0.1 < share < 0.95
    expected = {0: 0.0, 1: 0.2 * math.sqrt(share), 2: 0.3 * math.sqrt(share), 3: 0.1}
    assert tree.ranking_error == pytest.approx(expected)
    assert tree.ranking[2] == pytest.approx(share * 0.8)


@given(tree=trees())
@settings(deadline=None)
def test_every_ranked_node_has_an_error_no_larger_than_its_own(tree: Tree) -> None:
    assert set(tree.ranking_error) == set(tree.ranking) >= {n.number for n in tree.eligible()}
    assert all(0 <= error <= tree[n].gain_error for n, error in tree.ranking_error.items())


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), st.data())
def test_every_eligible_node_keeps_a_chance_and_fewer_attempts_raise_it(
    gains: list[float], data: st.DataObject
) -> None:
    attempts = [data.draw(st.integers(0, 50)) for _ in gains]
    weights = dgm_weights(gains, attempts)
    assert all(weight > 0 for weight in weights)
    fewer = dgm_weights(gains, [max(0, count - 1) for count in attempts])
    assert all(new >= old for new, old in zip(fewer, weights, strict=True))


# Clades


@given(tree=trees())
@settings(deadline=None, max_examples=100)
def test_clades_count_what_became_of_all_descendants(tree: Tree) -> None:
    def below(number: int) -> list[Node]:
        children = tree.children(tree[number])
        return [*children, *(each for child in children for each in below(child.number))]

    expected = {}
    for each in tree:
        clade = below(each.number)
        kept = sum(n.kept and n.validated for n in clade)
        waiting = sum(n.kept or n.standing == "promising" for n in clade) - kept
        expected[each.number] = Outcomes(kept, len(clade) - kept - waiting)
    assert clade_outcomes(tree) == expected
    everything = tree.totals(lambda n: 1)
    assert everything == {n.number: 1 + len(below(n.number)) for n in tree}


def test_hgm_draws_as_its_posteriors_overlap() -> None:
    nodes = [
        node(0, 0.0),
        node(1, 0.0),
        node(2, 0.4, 0, "confirmed"),
        node(3, None, 2, "promising"),
    ]
    nodes += [node(n, None, 1, "refuted") for n in (4, 5)]
    nodes += [node(6, None, 2, "invalid"), node(7, None, 6, "no gain")]
    tree = Tree(nodes)
    clades = clade_outcomes(tree)
    assert [clades[n] for n in (0, 1, 2)] == [(1, 2), (0, 2), (0, 2)]
    theta = np.linspace(0, 1, 20_001)
    made = [stats.beta(1 + clades[n].kept, 1 + clades[n].failed) for n in (0, 1, 2)]
    shares = [
        float(np.trapezoid(made[n].pdf(theta) * np.prod([o.cdf(theta) for o in others], 0), theta))
        for n, others in ((0, made[1:]), (1, [made[0], made[2]]), (2, made[:2]))
    ]
    assert sum(shares) == pytest.approx(1, abs=1e-3)
    assert frequencies_match(drawn_from("hgm", tree), shares)


# Fronts


def fronts(gains: Sequence[Sequence[float]]) -> list[int]:
    """`gepa_fronts` by its definition."""

    def beats(a: Sequence[float], b: Sequence[float]) -> bool:
        pairs = list(zip(a, b, strict=True))
        return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)

    tops = [max(column) for column in zip(*gains, strict=True)]
    return [
        0
        if any(beats(other, row) for other in gains)
        else sum(x == top for x, top in zip(row, tops, strict=True))
        for row in gains
    ]


VALUES = st.sampled_from([-0.0, 0.0, 0.1, 0.1 + 1e-16, 0.3, 1.0, 1e9])


@given(
    st.integers(1, 14).flatmap(
        lambda m: st.lists(
            st.lists(st.one_of(VALUES, st.floats(-2, 2)), min_size=m, max_size=m),
            min_size=1,
            max_size=10,
        )
    )
)
@settings(max_examples=150, deadline=None)
def test_fronts_are_those_of_the_definition(gains: list[list[float]]) -> None:
    assert gepa_fronts(gains) == fronts(gains)
    assert any(gepa_fronts(gains))


def test_gepa_draws_in_proportion_to_fronts() -> None:
    table = [(0.0, 0.0, 0.0), (0.9, -5.0, -5.0), (-1.0, 0.5, 0.7), (-1.0, 0.4, 0.7)]
    tree = Tree([node(0, 0.0, instances=table[0])]).eligible()
    tree += [node(n, 0.1, 0, "confirmed", instances=table[n]) for n in (1, 2, 3)]
    weights = gepa_weights(gepa_fronts(table))
    rest = FLOOR / 4
    expected = [rest, rest + (1 - FLOOR) / 3, rest + (1 - FLOOR) * 2 / 3, rest]
    assert weights == pytest.approx(expected)
    assert frequencies_match(drawn_from("gepa", Tree(tree)), expected)


def test_a_node_of_an_older_archive_counts_as_equally_good_everywhere() -> None:
    old = TREE[1].model_dump(mode="json")
    del old["instances"]
    read = Node.model_validate(old)
    assert read == TREE[1]
    assert read.instances == ()
    weights = gepa_weights(gepa_fronts([(0.0, 0.0), (0.3, 0.3), (0.4, 0.6)]))
    assert frequencies_match(drawn_from("gepa", TREE), weights)
    ancient = [node(0, 0.0), node(1, 0.3), node(2, 0.5, 1, "confirmed")]
    assert frequencies_match(drawn_from("gepa", Tree(ancient)), gepa_weights([0, 0, 1]))


# Niches


def test_map_elites_draws_uniformly_from_the_elites_of_occupied_cells() -> None:
    sizes, gains = [100, 102, 100, 40, 41, 900], [0.0, 0.2, 0.1, 0.0, -0.3, 0.1]
    nodes = [node(0, 0.0, size=100)]
    nodes += [node(n, gains[n], 0, "confirmed", size=sizes[n]) for n in range(1, 6)]
    tree = Tree(nodes)
    cells = [cell(each, tree[0]) for each in tree]
    assert cells[0] == cells[1] == cells[2] != cells[3] == cells[4]
    assert len(set(cells)) == 3
    weights = map_elites_weights(cells, gains)
    assert weights == pytest.approx(floored([0, 1, 0, 1, 0, 1]))
    assert frequencies_match(drawn_from("map_elites", tree), weights)


def test_of_two_equals_the_older_is_the_elite() -> None:
    weights = map_elites_weights([Cell(0, 0)] * 3, [0.1, 0.1, 0.1])
    assert weights.index(max(weights)) == 0


def test_a_program_is_far_from_the_start_if_it_says_something_else() -> None:
    start = "def step(x, rate):\n    return -0.1 * x\n"
    renamed = "# why\ndef step(y, speed):\n    return -0.25 * y  # because\n"
    other = "def step(x, rate):\n    return -0.1 * x if x.norm() > 1 else x.sign()\n"
    assert distance(start, start) == distance(renamed, start) == 0
    assert 0.1 < distance(other, start) < 0.6
    assert distance(other, start) == pytest.approx(distance(start, other))
    assert distance("", start) == 1
    assert distance("", "") == 0


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_distance_is_between_zero_and_one_for_any_text(one: str, other: str) -> None:
    assert 0 <= distance(one, other) <= 1


# Bounds


def test_uct_weighs_rank_against_visits() -> None:
    nodes = [node(0, 0.0), node(1, 0.4), node(2, 1.0, 1, "confirmed", discarded=2)]
    nodes += [node(n, None, 2, "refuted", discarded=1) for n in (3, 4)]
    tree = Tree(nodes)
    visits, every = [1, 1 + 3 + 4, 1 + 4], 1 + 3 + 4
    bounds = uct_bounds([0.0, 0.4, 1.0], visits, every)
    expected = [
        q + 0.25 * math.sqrt(math.log(every) / n) for q, n in zip([0, 0.4, 1], visits, strict=True)
    ]
    assert bounds == pytest.approx(expected)
    assert frequencies_match(drawn_from("uct", tree), uct_weights(bounds))


def test_uct_counts_duplicates_and_what_descendants_were_tried_for() -> None:
    nodes = [node(0, -1.0), node(1, 0.4, 0, "confirmed"), node(2, 0.4, 0, "confirmed")]
    nodes += [node(3, None, 1, "no gain", discarded=1), node(4, None, 2, "no gain", discarded=2)]
    assert np.argmax(drawn_from("uct", Tree(nodes), 200)) == 1
    nodes += [node(5, None, 3, "no gain"), node(6, None, 5, "no gain")]
    assert np.argmax(drawn_from("uct", Tree(nodes), 200)) == 2


def test_uct_goes_back_to_what_it_has_not_tried() -> None:
    nodes = [node(0, 0.0), node(1, 0.1, 0, "confirmed"), node(2, 0.09, 0, "confirmed")]
    rng, chosen = Random(0), Counter[int]()
    for number in range(3, 103):
        parent = POLICIES["uct"](Tree(nodes), rng)
        chosen[parent.number] += 1
        nodes.append(node(number, None, parent.number, "no gain"))
    assert chosen[1] > chosen[2] > 10 > chosen[0]


def test_uct_breaks_ties_by_the_generator() -> None:
    tree = Tree([node(0, 0.0), node(1, 0.0), node(2, 0.0)])
    assert frequencies_match(drawn_from("uct", tree), [1, 1, 1])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_a_floor_leaves_everyone_a_chance(weights: list[float]) -> None:
    shares = floored(weights)
    assert sum(shares) == pytest.approx(1)
    assert min(shares) >= FLOOR / len(shares)
    assert max(shares) == shares[weights.index(max(weights))]


# Scale, and where the instances come from


def large(count: int, instances: Callable[[int, Random], tuple[float, ...]]) -> Tree:
    """A tree in which every node may be built on, and no two programs are equal."""
    rng = Random(0)
    nodes = [node(0, 0.0, size=20, instances=(0.0,) * 96)]
    for number in range(1, count):
        gain = rng.gauss(0.0, 1.0)
        source = (
            f"def step(x):\n    y{number} = x{' * x' * rng.randrange(9)}\n    return y{number}\n"
        )
        nodes.append(
            node(
                number,
                gain,
                rng.randrange(number),
                "confirmed",
                estimate=Estimate(gain=gain, low=gain - 0.3, high=gain + 0.3, pairs=32),
                gain_error=0.15,
                instances=instances(number, rng),
                size=20 + rng.randrange(200),
                candidate=Candidate(files={"a.py": source}, idea="", proposer="test"),
            )
        )
    return Tree(nodes)


def noisy(number: int, rng: Random) -> tuple[float, ...]:
    return tuple(rng.gauss(0.0, 1.0) for _ in range(96))


@pytest.fixture(scope="module")
def ten_thousand() -> list[Node]:
    return list(large(10_000, noisy))


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_policy_is_quick_at_ten_thousand_nodes(name: str, ten_thousand: list[Node]) -> None:
    tree = Tree(ten_thousand)
    began = time.process_time()
    POLICIES[name](tree, Random(0))
    assert time.process_time() - began < 3, "a few tenths of a second where nothing else runs"


@pytest.mark.parametrize(
    "instances",
    [
        lambda number, rng: (-1000.0,) * 96,  # all failed
        lambda number, rng: (1.0, *noisy(number, rng)[1:]),  # all equal on one, nothing dominated
        lambda number, rng: (1.0, *([number / 1e4] * 95)),  # all equal on one, nearly all dominated
    ],
)
def test_ties_do_not_make_fronts_slow(
    instances: Callable[[int, Random], tuple[float, ...]],
) -> None:
    rng = Random(0)
    table = [instances(number, rng) for number in range(10_000)]
    began = time.process_time()
    assert any(gepa_fronts(table))
    assert time.process_time() - began < 4


def test_a_search_records_instances_that_survive_the_archive(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=12)
    states = list(search(run, always))
    tree = Tree(states)
    rows = len(run.task.manifest.workloads.dev) * run.config.rule.estimate
    ranked = [n for n in states if n.gain is not None]
    assert any(n.kept for n in ranked)
    assert all(len(n.instances) == rows for n in ranked)
    assert all(n.instances == () for n in states if n.gain is None)
    assert tree[0].instances == (0.0,) * rows
    firsts = {n.number: n for n in reversed(states) if n.gain is not None}
    for each in firsts.values():
        assert math.fsum(each.instances) / rows == pytest.approx(each.gain, abs=1e-9)
    again = [n for n in ranked if n.number in firsts and n.turn > firsts[n.number].turn]
    assert all(n.instances == firsts[n.number].instances for n in again)
    read = Archive(tmp_path / "a.db").tree("test")
    assert {n.number: n.instances for n in read} == {n.number: n.instances for n in tree}
