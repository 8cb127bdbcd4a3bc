"""A tree that grows state by state answers as one that is made anew, and stays as it was."""

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins.runs import CANDIDATE, node

from ratchet.archive import Node, Tree, Tuning
from ratchet.evals import Claim, Estimate, Rule, Summary, Verdict

STANDINGS = ("invalid", "no gain", "promising", "confirmed", "unproven", "refuted")
few = st.integers(0, 3)
number = st.floats(-1, 1).map(lambda value: round(value, 3))


@st.composite
def verdicts(draw: Any) -> Verdict:
    """A verdict of any standing, with a screen, claims and an estimate or without."""
    mean, sd = draw(number), abs(draw(number))
    screen = draw(st.none() | st.just(Summary(mean=mean, sd=sd, pairs=16)))
    claim = Claim(
        says=draw(st.sampled_from(("better", "simpler"))),
        versus=0,
        held=draw(st.booleans()),
        turn=draw(few),
        level=0.01,
        log_e=0.0,
        stream=f"confirm/{draw(few)}",
        pairs=16,
        evidence="",
        gain=Summary(mean=mean, sd=sd, pairs=16),
    )
    return Verdict(
        standing=draw(st.sampled_from(STANDINGS)),
        reason="",
        rule=draw(st.none() | st.just(Rule())),
        screen=screen,
        claims=draw(st.sampled_from(((), (claim,)))),
        estimate=draw(st.none() | st.just(Estimate(gain=mean, low=mean, high=mean, pairs=16))),
    )


@st.composite
def states(draw: Any) -> list[Node]:
    """States of nodes as a search makes them: planted ones, children, and later states of both."""
    grown = [node(0, 0.0, trials=32), node(1, draw(number), trials=32)]
    for _ in range(draw(st.integers(0, 12))):
        again = draw(st.booleans()) and len({n.number for n in grown}) > 2
        at = draw(st.integers(2, max(n.number for n in grown))) if again else None
        if at is None:
            own: dict[str, Any] = {
                "number": max(n.number for n in grown) + 1,
                "parent": draw(st.integers(0, max(n.number for n in grown))),
                "canonical": draw(st.sampled_from("abc")),
                "behaviour": draw(st.sampled_from((None, "x", "y"))),
                "size": draw(few),
                "tuning": draw(
                    st.none() | st.just(Tuning(node=0, constants=1, settings=2, trials=2))
                ),
            }
            before = node(own["number"], None, own["parent"], "invalid").model_copy(update=own)
        else:
            before = next(n for n in reversed(grown) if n.number == at)
        gain = draw(st.none() | number)
        later = {
            "verdict": draw(verdicts()),
            "gain": gain,
            "score": gain,
            "trials": draw(st.integers(0, 50)),
            "turn": len(grown),
            "isolation": draw(st.sampled_from(("container", "container", "none"))),
            "common": (Summary(mean=gain, sd=0.1, pairs=32),) if gain is not None else (),
        }
        grown.append(before.model_copy(update=later))
    return grown


def counted(node: Node) -> Iterator[tuple[str, int]]:
    yield node.standing, 1
    yield "trials", node.trials


def answers(tree: Tree) -> dict[str, Any]:
    """All that a turn asks of a tree."""
    nodes = {
        name: [n.number for n in getattr(tree, name)()]
        for name in (
            *("roots", "planted", "proposals", "eligible", "kept", "confirmed"),
            *("waiting", "estimated", "tuned"),
        )
    }
    return {
        **nodes,
        "nodes": list(tree),
        "claims": tree.claims(),
        "trials": (tree.trials, tree.proposed_trials),
        "forms": dict(tree.forms),
        "behaviours": {name: n.number for name, n in tree.behaviours.items()},
        "screened": dict(tree.screened),
        "spreads": list(tree.spreads),
        "brought": [tree.brought(n) for n in tree],
        "children": [[c.number for c in tree.children(n)] for n in tree],
        "ranking": dict(tree.ranking),
        "errors": dict(tree.ranking_error),
        "rule": tree.rule,
        "fruitless": tree.fruitless(),
        "funnel": tree.funnel(),
        "validated": [n.number for n in tree.validated()],
        "sums": dict(tree.sums("standings", counted)),
    }


@settings(deadline=None, max_examples=40)
@given(states(), st.randoms(use_true_random=False))
def test_a_tree_that_grew_answers_as_one_made_anew_whatever_is_asked_first(
    grown: Sequence[Node], rng: Any
) -> None:
    trees = [Tree(grown[:2])]
    for state in grown[2:]:
        trees.append(trees[-1].grown(state))
    order = list(range(len(trees)))
    rng.shuffle(order)
    for at in order:
        assert answers(trees[at]) == answers(Tree(grown[: at + 2]))


@settings(deadline=None, max_examples=20)
@given(states(), states())
def test_two_trees_may_grow_out_of_one(first: Sequence[Node], second: Sequence[Node]) -> None:
    base = Tree(first)
    last = max(n.number for n in first) + 1
    children = [
        s.model_copy(update={"number": last, "parent": 0}) for s in second if s.verdict is not None
    ]
    for child in children[:2]:
        assert answers(base.grown(child)) == answers(Tree([*first, child]))
    assert answers(base) == answers(Tree(first))


def test_the_smallest_of_those_that_behave_alike_is_the_twin() -> None:
    rows = [("x", 5), ("x", 3), ("x", 3), ("x", 4)]
    alike = [
        node(at, 0.0, candidate=CANDIDATE, behaviour=behaviour, size=size)
        for at, (behaviour, size) in enumerate(rows)
    ]
    assert Tree(alike).behaviours["x"].number == 2
