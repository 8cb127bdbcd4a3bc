"""Proposals are fitted to their parent by what the smoke test shows, before anything is spent."""

import math
import struct
from collections.abc import Callable, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_ins.runs import node

from ratchet.agents.base import Brief, ProposalError, Tried
from ratchet.agents.evolve.fit import CONFIRMED, NOTE, TRIED, classed, fitted, gain_chances
from ratchet.agents.evolve.reader import read
from ratchet.agents.evolve.steps import Change, change, rescaled
from ratchet.agents.evolver import create
from ratchet.archive import Tree
from ratchet.evals import Candidate, audit, probe
from ratchet.sandbox import Sandbox
from ratchet.tasks import Probe, TaskError, load
from ratchet.tasks.manifest import read_manifest

TASK = load("optimizer")
STATES = Probe(parts=3, of="states")
SGD = """import torch

LR = 0.6


def init(params, kinds):
    return {name: {} for name in params}


def update(grads, state, params, ctx):
    updates = {name: -LR * grad for name, grad in grads.items()}
    return updates, state
"""
SIGN = SGD.replace(
    "-LR * grad", "-LR * (torch.sign(grad) if ctx.kinds[name] == 'matrix' else grad)"
)


def states(*steps: Sequence[float]) -> bytes:
    """The reply of a program that begins at 1 and takes these steps."""
    at = [1.0] * len(steps[0])
    rows = [at]
    for step in steps:
        rows.append([level + move for level, move in zip(rows[-1], step, strict=True)])
    return b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)


def candidate(text: str) -> Candidate:
    return Candidate(files={"optimizer.py": text}, idea="an edit", proposer="evolver")


def brief(
    try_out: Callable[[Any], Tried], seed: int = 0, parent: str = SGD, tree: Tree | None = None
) -> Brief:
    """What a fit looks at: a parent, a desk that tries programs out, and the tree."""
    desk = SimpleNamespace(try_out=try_out, dry=False)
    tree = tree or Tree([node(0, 0.0)])
    built_on = SimpleNamespace(candidate=candidate(parent), number=0)
    given = {"task": TASK, "parent": built_on, "tree": tree, "rng": Random(seed), "desk": desk}
    return cast(Brief, SimpleNamespace(**given, learned=None))


def reads(text: str) -> Any:
    return read(text, TASK.motifs)


def fit(asked: Brief, make: Callable[[], Candidate]) -> Candidate:
    return fitted(asked, asked.desk.try_out(asked.parent.candidate.files), make, reads)


@settings(deadline=None)
@given(
    st.lists(st.tuples(*[st.floats(-9, 9, width=32)] * 2), min_size=2, max_size=2),
    st.floats(0.01, 100),
)
def test_a_step_of_another_size_is_told_by_its_ratio(
    steps: list[tuple[float, float]], factor: float
) -> None:
    before = states(*steps)
    moved = change(before, states(*([factor * x for x in step] for step in steps)), STATES)
    if moved is None:
        assert all(abs(x) < 1e-6 for step in steps for x in step)
    elif max(abs(x) for step in steps for x in step) > 0.1:
        assert moved.ratios[""] == pytest.approx(factor, rel=1e-2, abs=1e-3)
        assert moved.share == pytest.approx(abs(factor - 1), rel=1e-2, abs=1e-2)


def test_kinds_of_tensors_have_ratios_of_their_own_and_alike_ones_are_one_group() -> None:
    blocks = STATES.model_copy(
        update={"blocks": {"bias": 1, "matrix": 2, "head": 1}, "kind": "ctx.kinds[name]"}
    )
    before = states([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0])
    moved = change(before, states(*[[0.1, 4.0, 4.0, 5.0]] * 2), blocks)
    assert moved is not None
    assert moved.ratios == pytest.approx({"bias": 0.1, "matrix": 4.0, "head": 5.0}, rel=1e-5)
    assert [kinds for kinds, _ in moved.groups] == [("bias",), ("matrix", "head")]
    assert not moved.within(3.0)
    assert moved.within(11.0)


@settings(deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_of_a_program_are_compared_or_not_and_nothing_is_raised(
    before: bytes, after: bytes
) -> None:
    moved = change(before, after, STATES)
    assert moved is None or (moved.share >= 0 and min(moved.ratios.values()) >= 0)
    assert not moved or not math.isnan(moved.share)


def test_a_program_that_diverges_is_infinitely_far() -> None:
    moved = change(states([1.0], [1.0]), states([1.0], [math.nan]), STATES)
    assert moved is not None
    assert moved.share == math.inf


# Schedule-free steps lead between two points, and are no multiple of a rate.
@pytest.mark.parametrize("name", ["start", *sorted(set(TASK.baselines) - {"schedule_free"})])
def test_the_step_of_a_shipped_program_can_be_scaled(process_sandbox: Sandbox, name: str) -> None:
    files = TASK.start if name == "start" else TASK.baselines[name]
    (text,) = files.values()
    edited = rescaled(reads(text), Change(0.9, {"": 10.0}), "", Random(0))
    assert edited is not None
    child = candidate(edited[0].code)
    assert not audit(child.files, TASK).refused
    own, scaled = (
        probe(program, TASK, process_sandbox).reply for program in (candidate(text), child)
    )
    probed = TASK.manifest.probe
    assert probed is not None
    moved = change(own, scaled, probed)
    assert moved is not None
    assert list(moved.ratios.values()) == pytest.approx([0.1] * len(moved.ratios), rel=0.25)
    again = rescaled(reads(edited[0].code), Change(9.0, {"": 0.1}), "", Random(0))
    assert again is not None
    assert "STEP_SCALE = 1.0\n" in again[0].code


def test_a_program_without_a_step_of_its_own_is_left_alone() -> None:
    other = "def other():\n    return 1.0\n"
    assert rescaled(reads(other), Change(1.0, {"": 2.0}), "", Random(0)) is None


def test_a_child_of_another_scale_begins_at_its_parents(process_sandbox: Sandbox) -> None:
    def try_out(files: Any) -> Tried:
        result = probe(candidate(files["optimizer.py"]), TASK, process_sandbox)
        return Tried((), (), result.status, "", result.reply)

    made = fit(brief(try_out), lambda: candidate(SIGN))
    assert "scaled the step of matrix" in made.idea
    assert "if ctx.kinds[name] in (" in made.files["optimizer.py"]
    assert made.notes[NOTE].endswith(", scaled")
    own = try_out({"optimizer.py": SGD}).reply
    assert TASK.manifest.probe is not None
    moved = change(own, try_out(made.files).reply, TASK.manifest.probe)
    assert moved is not None
    assert moved.within(2.0)
    retuned = candidate(SGD.replace("0.6", "0.1"))
    assert fit(brief(try_out), lambda: retuned).files == retuned.files


def test_what_does_nothing_or_does_not_run_is_offered_only_where_nothing_else_is_made() -> None:
    rows = TASK.manifest.probe.parts if TASK.manifest.probe else 0
    own = states(*[[0.1, -0.1]] * (rows - 1))
    moved = states(*[[0.11, -0.09]] * (rows - 1))
    replies = {
        SGD: Tried(status="ok", reply=own),
        "void": Tried(status="ok", reply=own),
        "broken": Tried(status="candidate_error"),
        "new": Tried(status="ok", reply=moved),
    }
    offers = iter(["void", "broken", "new", "broken", "void"])

    def make() -> Candidate:
        try:
            return candidate(next(offers))
        except StopIteration:
            raise ProposalError("no more") from None

    asked = brief(lambda files: replies[files["optimizer.py"]])
    made = [fit(asked, make).files["optimizer.py"] for _ in range(2)]
    assert made == ["new", "broken"]
    with pytest.raises(ProposalError):
        fit(asked, make)


def test_where_nothing_can_be_tried_the_first_child_is_offered() -> None:
    for tried in (Tried(status="ok"), Tried(status="timeout"), Tried(refused=("no",))):

        def try_out(files: Any, tried: Tried = tried) -> Tried:
            return tried

        made = fit(brief(try_out), lambda: candidate("x = 1"))
        assert made == candidate("x = 1")


def _tree(outcomes: Sequence[tuple[float, str]]) -> Tree:
    nodes = [node(0, 0.0)]
    for number, (share, standing) in enumerate(outcomes, 1):
        child = node(number, 0.1 if standing == "confirmed" else None, 0, standing)
        noted = child.candidate.model_copy(update={"notes": {NOTE: f"{share:.3g}"}})
        nodes.append(child.model_copy(update={"candidate": noted}))
    return Tree(nodes)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.001, 0.1, 0.3, 0.9]), st.sampled_from(["no gain", "confirmed"])
        ),
        max_size=30,
    )
)
def test_every_class_of_change_keeps_a_chance(outcomes: list[tuple[float, str]]) -> None:
    chances = gain_chances(_tree(outcomes))
    assert len(chances) == len(CONFIRMED) == len(TRIED)
    assert all(0 < chance <= 1 for chance in chances)
    assert min(chances) >= max(chances) / 10 * (1 - 1e-9)


def test_what_a_class_of_change_brings_is_learned() -> None:
    bold = classed(0.9)
    before = gain_chances(_tree([]))
    after = gain_chances(_tree([(0.9, "confirmed")] * 9 + [(0.1, "no gain")] * 20))
    assert after[bold] > 5 * before[bold]
    assert after[classed(0.1)] < before[classed(0.1)]


def test_an_evolver_that_tries_its_offers_repeats_itself(process_sandbox: Sandbox) -> None:
    def try_out(files: Any) -> Tried:
        result = probe(candidate(files["optimizer.py"]), TASK, process_sandbox)
        return Tried((), (), result.status, "", result.reply)

    muon = TASK.baselines["muon"]["optimizer.py"]
    tree = Tree([node(0, 0.0)])
    first, second = (
        [create().propose(brief(try_out, seed, muon, tree)) for seed in range(6)] for _ in "ab"
    )
    assert first == second
    assert all(try_out(made.files).ok for made in first)


def test_states_in_one_part_are_refused() -> None:
    text = b"\n".join(
        [*TASK.files["task.toml"].partition(b"[probe]")[:1], b'[probe]\nof = "states"\nparts = 1\n']
    )
    with pytest.raises(TaskError, match="at least 2 parts"):
        read_manifest({"task.toml": text})
