"""Ranks: one least-squares estimate from common seeds and claims, for new runs."""

import math
import time
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins.runs import node

from ratchet.archive import Node, Tree
from ratchet.evals import Claim, Estimate, Rule, Summary, Verdict, judge
from ratchet.evals.judge import Reading

numbers = st.floats(-1, 1)
TRUE = {0: 0.0, 1: 0.4, 2: 0.1, 3: 0.7}


def exact(sd: float | None, true: dict[int, float] = TRUE) -> list[Reading]:
    """Means without error: on common seeds, and on those of three claims."""
    pairs = {"a": (1, 0), "b": (2, 0), "c": (3, 1)}
    common = [Reading(number, "common", effect + 5, 32, sd) for number, effect in true.items()]
    return common + [
        Reading(number, name, true[number] + 2, 16, sd)
        for name, two in pairs.items()
        for number in two
    ]


@pytest.mark.parametrize("sd", [None, 0.0, 0.3])
def test_means_without_error_give_the_true_effects_whatever_their_spread(sd: float | None) -> None:
    effects = judge.effects(exact(sd), reference=0)
    assert {number: e.gain for number, e in effects.items()} == pytest.approx(TRUE)
    assert all((e.error > 0) == bool(sd) for number, e in effects.items() if number)


def test_equal_effects_without_spread_are_equal_to_the_last_bit() -> None:
    effects = judge.effects(exact(0.0, {0: 0.0, 1: 0.1, 2: 0.1, 3: 0.1}), reference=0)
    assert len({effects[number].gain for number in (1, 2, 3)}) == 1


@st.composite
def measured(draw: st.DrawFn) -> list[Reading]:
    """A tree of claims of any form beside common seeds."""
    count = draw(st.integers(2, 9))
    readings = [Reading(n, "common", draw(numbers), 32, 0.3) for n in range(count)]
    for n in range(1, count):
        for rival in draw(st.sets(st.integers(0, n - 1), max_size=2)):
            seeds, sd = draw(st.integers(16, 256)), draw(st.floats(0, 1))
            pair = [Reading(p, f"{n}/{rival}", draw(numbers), seeds, sd) for p in (n, rival)]
            readings += pair
    return readings


@given(measured())
@settings(deadline=None)
def test_effects_and_errors_are_those_of_generalised_least_squares(readings: list[Reading]) -> None:
    import numpy as np

    columns = sorted({r.program for r in readings if r.program}) + sorted(
        {r.offset for r in readings}
    )
    spread = [r for r in readings if r.sd is not None]
    pooled = fmean_weighted([(r.seeds - 1, r.sd or 0.0) for r in spread])
    design = np.array([[float(c in (r.program, r.offset)) for c in columns] for r in readings])
    variance = [
        (16 * pooled + (r.seeds - 1) * (r.sd or 0.0) ** 2) / (15 + r.seeds) for r in readings
    ]
    weighted = design.T * [r.seeds / v for r, v in zip(readings, variance, strict=True)]
    inverse = np.linalg.inv(weighted @ design)
    expected = inverse @ weighted @ [r.mean for r in readings]
    effects = judge.effects(readings, reference=0)
    for at, column in enumerate(columns):
        if isinstance(column, int):
            assert effects[column].gain == pytest.approx(expected[at], abs=1e-6)
            assert effects[column].error == pytest.approx(math.sqrt(inverse[at, at]), rel=1e-6)


def fmean_weighted(spreads: list[tuple[float, float]]) -> float:
    return fmean([sd**2 for _, sd in spreads], weights=[count for count, _ in spreads])


# Trees

RULES = {design: Rule(design=design) for design in ("paired", "unpaired")}


def grown(
    seed: int, count: int, design: str, rho: float, ranks: str = "least squares"
) -> tuple[Tree, dict[int, float]]:
    """A tree of nodes that all are kept, and their true scores."""
    rng, rule = Random(seed), RULES[design].model_copy(update={"ranks": ranks})
    true = {0: 0.0}
    shared = [rng.gauss(0, 1) for _ in range(32)]

    def scores(number: int, beside: list[float]) -> list[float]:
        noise = [math.sqrt(rho) * b + math.sqrt(1 - rho) * rng.gauss(0, 1) for b in beside]
        return [true[number] + x for x in noise]

    common = {0: scores(0, shared)}
    nodes = [node(0, 0.0, common=(Summary(mean=0.0, sd=0.0, pairs=32),))]
    for number in range(1, count + 1):
        parent = rng.randrange(number)
        true[number] = true[parent] + rng.expovariate(1 / 0.2)
        seeds, pairs = [rng.gauss(0, 1) for _ in range(64)], 64
        apart = seeds if design == "paired" else [rng.gauss(0, 1) for _ in range(pairs)]
        sides = scores(number, seeds), scores(parent, apart)
        common[number] = scores(number, shared)
        nodes.append(kept(number, parent, rule, sides, common))
    return Tree(nodes), true


def kept(
    number: int,
    parent: int,
    rule: Rule,
    sides: tuple[list[float], list[float]],
    common: dict[int, list[float]],
) -> Node:
    claim = claimed(number, parent, apart(*sides)).model_copy(
        update={"scores": tuple(map(judge.summary, sides)) if rule.design == "unpaired" else None}
    )
    over_start = judge.summary(apart(common[number], common[0]))
    step = judge.estimate(apart(common[number], common[parent]))
    verdict = Verdict(standing="confirmed", reason="", claims=(claim,), rule=rule, estimate=step)
    whole: Node = node(number, over_start.mean, parent, "confirmed", gain_error=over_start.error)
    return whole.model_copy(update={"verdict": verdict, "common": (over_start,)})


def apart(own: list[float], other: list[float]) -> list[float]:
    return [a - b for a, b in zip(own, other, strict=True)]


def claimed(number: int, versus: int, gains: list[float], stream: str = "") -> Claim:
    return Claim(
        says="better",
        versus=versus,
        held=True,
        level=0.02,
        log_e=9.0,
        turn=number,
        evidence="",
        stream=stream or f"confirm/{number}",
        pairs=len(gains),
        gain=judge.summary(gains),
    )


def regret(tree: Tree, true: dict[int, float]) -> float:
    best = tree.best()
    assert best is not None
    return max(true.values()) - true[best.number]


@pytest.mark.parametrize(("design", "rho"), [("paired", 0.88), ("unpaired", 0.0)])
def test_the_choice_by_least_squares_has_half_the_regret_and_honest_errors(
    design: str, rho: float
) -> None:
    before, after, inside = [], [], []
    for seed in range(200):
        tree, true = grown(seed, 8, design, rho)
        before.append(regret(grown(seed, 8, design, rho, "shrunken")[0], true))
        after.append(regret(tree, true))
        inside += [abs(e.gain - true[n]) < 1.96 * e.error for n, e in tree.effects.items() if n]
    assert fmean(after) < fmean(before) / 2
    assert 0.92 < fmean(inside) < 0.98


def test_ranks_use_what_a_rule_names_and_older_rules_shrink() -> None:
    new, _ = grown(1, 6, "paired", 0.88)
    old, _ = grown(1, 6, "paired", 0.88, "shrunken")
    assert new.ranks == new.effects
    assert {n: e.gain for n, e in old.effects.items()} == {n.number: n.gain for n in old}
    assert old.ranking != new.ranking
    stored = Rule().model_dump()
    del stored["ranks"]
    assert Rule.model_validate(stored).ranks == "shrunken"
    assert Rule.model_validate({}).ranks == "least squares"


def test_a_second_rival_on_the_same_seeds_does_not_count_them_twice() -> None:
    rng = Random(1)
    tree, _ = grown(1, 2, "paired", 0.88)
    start, one, two = tree
    assert two.verdict is not None
    first = two.verdict.claims[0].model_copy(update={"versus": 0})
    other = claimed(2, 1, [rng.gauss(0.1, 0.3) for _ in range(64)], first.stream)

    def error(*claims: Claim) -> float:
        assert two.verdict is not None
        verdict = two.verdict.model_copy(update={"claims": claims})
        return Tree([start, one, two.model_copy(update={"verdict": verdict})]).effects[2].error

    once, apart_from_it = error(first), error(first, other.model_copy(update={"stream": "else"}))
    assert apart_from_it < error(first, other) < once * 1.05


def test_more_common_seeds_of_a_leader_make_its_error_smaller() -> None:
    tree, _ = grown(3, 4, "paired", 0.88)
    again = tree[4].model_copy(update={"common": (*tree[4].common, tree[4].common[0])})
    later = Tree([*tree, again])
    assert later.effects[4].error < tree.effects[4].error
    assert later.effects[4].seeds == tree.effects[4].seeds + 32


def test_scores_without_spread_rank_by_their_gains_and_ties_go_to_the_older() -> None:
    def sure(number: int, gain: float) -> Node:
        same = Summary(mean=gain, sd=0.0, pairs=32)
        estimate = Estimate(gain=gain, low=gain, high=gain, pairs=32)
        verdict = Verdict(
            standing="confirmed",
            reason="",
            rule=Rule(),
            estimate=estimate,
            claims=(claimed(number, 0, [gain] * 16),),
        )
        whole: Node = node(number, gain, 0, "confirmed")
        return whole.model_copy(update={"verdict": verdict, "common": (same,)})

    tree = Tree(
        [
            node(0, 0.0, common=(Summary(mean=0, sd=0, pairs=32),)),
            sure(1, 0.1),
            sure(2, 0.3),
            sure(3, 0.3),
        ]
    )
    assert tree.ranking == pytest.approx({0: 0.0, 1: 0.1, 2: 0.3, 3: 0.3})
    assert set(tree.ranking_error.values()) == {0.0}
    best = tree.best()
    assert best is not None
    assert best.number == 2


def test_thousands_of_kept_nodes_are_ranked_in_less_than_a_second() -> None:
    rng = Random(0)
    readings = [Reading(0, "common", 0.0, 32)]
    for number in range(1, 3000):
        readings.append(Reading(number, "common", rng.gauss(0, 1), 32, 0.3))
        readings += [
            Reading(n, f"{number}", rng.gauss(0, 1), 64, 0.3)
            for n in (number, rng.randrange(number))
        ]
    began = time.process_time()
    assert len(judge.effects(readings, reference=0)) == 3000
    assert time.process_time() - began < 1
