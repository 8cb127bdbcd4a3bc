"""Taking single steps out of the best program: text first, then measured."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.runs import start
from stand_ins.tweak import Tweak

from ratchet.app.pages import sentences
from ratchet.archive import Node
from ratchet.evals import Candidate, Estimate, Verdict
from ratchet.evals.syntax import size
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.run import Run
from ratchet.search.studies.ablate import ablate, ablations
from ratchet.search.studies.merge import merge, merge_files

BASE = "a\nb\nc\nd\ne\n"


@pytest.mark.parametrize(
    ("ours", "theirs", "merged"),
    [
        (BASE, BASE, BASE),
        ("A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n"),
        ("a\nb\nc\nd\ne\nf\n", "b\nc\nd\ne\n", "b\nc\nd\ne\nf\n"),
        ("A\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n"),
        ("A\nb\nc\nd\ne\n", "x\nb\nc\nd\ne\n", None),
        ("A\nb\nc\nd\ne\n", "a\nB\nc\nd\ne\n", None),
        ("", BASE, ""),
    ],
)
def test_a_merge_takes_both_changes_or_none(ours: str, theirs: str, merged: str | None) -> None:
    assert merge(BASE, ours, theirs) == merged
    assert merge(BASE, theirs, ours) == merged


lines = st.lists(st.sampled_from("abcde")).map(lambda words: "".join(f"{w}\n" for w in words))


@given(lines, lines, lines)
def test_a_merge_is_symmetric_and_keeps_what_only_one_side_changed(
    base: str, ours: str, theirs: str
) -> None:
    assert merge(base, ours, base) == merge(base, base, ours) == merge(base, ours, ours) == ours
    assert merge(base, ours, theirs) == merge(base, theirs, ours)


def test_a_program_merges_only_if_all_its_files_do() -> None:
    same, other = {"x": BASE, "y": BASE}, {"x": BASE, "y": "z\n"}
    assert merge_files(same, same, other) == other
    assert merge_files(same, {"x": BASE, "y": "q\n"}, other) is None


START = Path(__file__).parent.joinpath("bowl/start/step.py").read_text()
LINE = "    return -RATE * grad\n"


def chain(run: Run, *texts: str) -> Node:
    """Grow a run by hand: each text a confirmed child of the one before."""
    list(search(run, lambda tree, turn: False))
    parent = run.archive.tree(run.id)[0]
    for turn, text in enumerate(texts, 2):
        estimate = Estimate(gain=0.3, low=0.2, high=0.4, pairs=32)
        node = parent.model_copy(
            update={
                "number": turn,
                "turn": turn,
                "parent": parent.number,
                "kind": "candidate",
                "candidate": Candidate(files={"step.py": text}, idea=f"step {turn}", proposer="t"),
                "verdict": Verdict(standing="confirmed", reason="", estimate=estimate),
                "gain": 0.3 * turn,
                "size": size({"step.py": text}),
            }
        )
        parent = run.archive.add(node)
    return parent


FASTER = START.replace("RATE = 0.02", "RATE = 0.04")
IDLE = FASTER.replace(LINE, "    unread = x * x + progress\n" + LINE)
SLOWER = FASTER.replace("RATE = 0.04", "RATE = 0.03")
LIMIT = START.replace("RATE = 0.02", "RATE = 0.04\nLIMIT = 3.0")
LIMITED = LIMIT.replace(LINE, "    return -RATE * min(grad, LIMIT)\n")


def test_separable_steps_are_told_apart(tmp_path: Path, process_sandbox: Sandbox) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak())
    best = chain(run, FASTER, IDLE)
    found = ablate(run, best.number)
    first, second = found.steps
    assert (first.finding, second.finding) == ("matters", "not measurable")
    assert first.files["step.py"] == START.replace(LINE, "    unread = x * x + progress\n" + LINE)
    assert first.gain is not None
    assert first.gain.low > 0
    assert second.files["step.py"] == FASTER
    assert second.dispensable
    assert not first.dispensable
    assert "still matters: without it" in sentences.step(first, "nats")
    assert "a candidate for simplification" in sentences.step(second, "nats")
    assert ablations(run.archive, run.id) == [found]
    again = run.lab.trials
    assert ablate(run, best.number).steps == found.steps
    assert run.lab.trials == again, "all is in the archive"


def test_steps_on_the_same_lines_are_not_guessed_apart(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak())
    best = chain(run, FASTER, SLOWER)
    first, second = ablate(run, best.number).steps
    assert (first.finding, first.gain) == ("inseparable", None)
    assert "cannot be taken out alone: later steps changed the same" in sentences.step(
        first, "nats"
    )
    assert second.files["step.py"] == FASTER
    assert second.finding == "better without"
    assert "better without it, by" in sentences.step(second, "nats")


def test_what_does_not_run_without_a_step_is_not_measured(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak())
    best = chain(run, LIMIT, LIMITED)
    broken = ablate(run, best.number).steps[0]
    assert broken.finding == "inseparable"
    assert broken.why.startswith("without it: ")
    assert "NameError" in broken.why


def test_of_a_step_that_was_undone_nothing_is_left(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak())
    best = chain(run, IDLE.replace("0.04", "0.02"), FASTER)
    first, second = ablate(run, best.number).steps
    assert first.finding == "gone"
    assert "later steps left nothing of it" in sentences.step(first, "nats")
    assert second.finding == "matters"
