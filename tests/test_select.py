"""Selection policies: pure, and with the probabilities of their formulas."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.agents.select import POLICIES, dgm_weights
from ratchet.archive import Node, Tree
from ratchet.evals import Candidate, Verdict
from ratchet.sandbox import Isolation

CANDIDATE = Candidate(files={"a.py": "x = 1\n"}, idea="", proposer="test")


def node(
    number: int,
    gain: float | None,
    parent: int | None = None,
    standing: str = "",
    isolation: Isolation = "container",
) -> Node:
    verdict = Verdict(standing=standing, reason="") if standing else None  # type: ignore[arg-type]
    return Node(
        run="r",
        number=number,
        turn=number,
        parent=parent,
        kind="candidate" if standing else "start",
        name="",
        candidate=CANDIDATE,
        canonical=str(number),
        behaviour=None,
        verdict=verdict,
        score=gain,
        gain=gain,
        environment="",
        isolation=isolation,
    )


TREE = Tree(
    [
        node(0, 0.0),
        node(1, 0.3),
        node(2, 0.5, 1, "confirmed"),
        node(3, None, 1, "refuted"),
        node(4, None, 2, "invalid"),
        node(5, 0.9, 4, "confirmed", isolation="none"),
    ]
)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_a_policy_takes_only_eligible_nodes_and_changes_nothing(name: str) -> None:
    before = [n.model_dump() for n in TREE]
    drawn = [POLICIES[name](TREE, Random(seed)).number for seed in range(200)]
    assert set(drawn) <= {0, 1, 2}
    assert drawn == [POLICIES[name](TREE, Random(seed)).number for seed in range(200)]
    assert [n.model_dump() for n in TREE] == before


def test_best_is_the_best() -> None:
    assert POLICIES["best"](TREE, Random(0)).number == 2


def test_dgm_draws_with_the_probabilities_of_its_formula() -> None:
    nodes = TREE.eligible()
    weights = dgm_weights([TREE.ranking[n.number] for n in nodes], [0, 2, 1])
    expected = [weight / sum(weights) for weight in weights]
    rng = Random(0)
    drawn = Counter(POLICIES["dgm"](TREE, rng).number for _ in range(20_000))
    for number, share in enumerate(expected):
        assert drawn[number] / 20_000 == pytest.approx(share, abs=4 * math.sqrt(share / 20_000))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), st.data())
def test_every_eligible_node_keeps_a_chance_and_fewer_attempts_raise_it(
    gains: list[float], data: st.DataObject
) -> None:
    attempts = [data.draw(st.integers(0, 50)) for _ in gains]
    weights = dgm_weights(gains, attempts)
    assert all(weight > 0 for weight in weights)
    fewer = dgm_weights(gains, [max(0, count - 1) for count in attempts])
    assert all(new >= old for new, old in zip(fewer, weights, strict=True))
