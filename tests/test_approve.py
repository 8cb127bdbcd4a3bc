"""A person decides: what runs, what is put to fresh seeds, and in which form."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import BOWL, UNISOLATED, Ratchet
from stand_ins.runs import always, start
from stand_ins.tweak import Tweak

from ratchet.archive import Archive, ArchiveError, Tree
from ratchet.sandbox import Sandbox
from ratchet.search.desk.consent import Decision, Mode, Question, decide, pending
from ratchet.search.loop import search
from ratchet.search.run import Run
from ratchet.search.studies.regrow import rerun

Prompt = Callable[[Question], Decision]


def asked(
    path: Path, sandbox: Sandbox, mode: Mode, prompt: Prompt | None, turns: int = 6
) -> tuple[Run, list[Question]]:
    """A search in which `prompt` answers, and the questions it was asked so far."""
    run, heard = start(path, sandbox, Tweak(), turns=turns), list[Question]()

    def ask(question: Question) -> Decision:
        heard.append(question)
        assert prompt is not None
        return prompt(question)

    config = run.config.model_copy(update={"approve": mode})
    return replace(run, config=config, prompt=ask if prompt else None), heard


def test_what_a_person_rejects_never_runs_and_the_tree_says_why(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run, heard = asked(
        tmp_path / "a.db",
        process_sandbox,
        "candidates",
        lambda q: Decision(id=q.id, approved=False, reason="too dull"),
    )
    made = [node for node in search(run, always) if node.verdict]
    assert len(heard) == len(made) == 6
    assert {node.standing for node in made} == {"invalid"}
    assert all("rejected by a person: too dull" in n.verdict.reason for n in made if n.verdict)
    assert all(node.trials == 0 and node.behaviour is None for node in made)


def test_an_edit_takes_the_place_of_the_proposal(tmp_path: Path, process_sandbox: Sandbox) -> None:
    mine = "RATE = 0.0317\n\n\ndef step(x, grad, progress):\n    return -RATE * grad\n"
    run, heard = asked(
        tmp_path / "a.db",
        process_sandbox,
        "all",
        lambda q: Decision(
            id=q.id, approved=True, files={"step.py": mine} if q.flags == () else {}
        ),
        turns=1,
    )
    child = Tree(list(search(run, always)))[len(run.task.baselines) + 1]
    assert child.candidate.files == {"step.py": mine}
    assert child.candidate.proposer == "tweak, edited"
    assert child.trials > 0
    assert heard[0].what == "candidate"


def test_an_edit_is_audited_as_any_program(tmp_path: Path, process_sandbox: Sandbox) -> None:
    evil = "import os\n\n\ndef step(x, grad, progress):\n    return -0.1 * grad\n"
    run, _ = asked(
        tmp_path / "a.db",
        process_sandbox,
        "candidates",
        lambda q: Decision(id=q.id, approved=True, files={"step.py": evil}),
        turns=1,
    )
    child = Tree(list(search(run, always)))[len(run.task.baselines) + 1]
    assert child.standing == "invalid"
    assert child.verdict is not None
    assert "imports os" in child.verdict.reason


def test_fresh_seeds_are_spent_on_what_a_person_lets_through(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run, heard = asked(
        tmp_path / "a.db",
        isolated_sandbox,
        "confirmations",
        lambda q: Decision(id=q.id, approved=False, reason="not today"),
        turns=12,
    )
    tree = Tree(list(search(run, always)))
    assert heard, "twelve tweaks hold at least one that is promising"
    assert all(q.what == "confirmation" and q.screen for q in heard)
    assert not tree.claims()
    refused = [n for n in tree if n.verdict and "kept from fresh seeds" in n.verdict.reason]
    assert len(refused) == len(heard)


def test_an_answer_in_the_archive_counts_and_is_not_asked_for_again(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run, _ = asked(tmp_path / "a.db", isolated_sandbox, "candidates", None, turns=3)

    def colleague() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(run.archive.tree(run.id)) < 5:
            for question in pending(run.archive, run.id):
                decide(run.archive, run.id, Decision(id=question.id, approved=True))
            time.sleep(0.05)

    helper = threading.Thread(target=colleague)
    helper.start()
    states = list(search(run, always))
    helper.join(60)
    assert len([n for n in Tree(states) if n.verdict]) == 3
    (tmp_path / "scratch").mkdir()
    named = run.config.model_copy(update={"agent": "stand_ins.tweak"})
    found = rerun_named(run, named.model_dump(mode="json"), isolated_sandbox, tmp_path / "scratch")
    assert found == "REPRODUCED"


def rerun_named(run: Run, config: dict[str, object], sandbox: Sandbox, scratch: Path) -> str:
    """Replay the run as if it had been started by the name of its agent."""
    other = Archive(scratch / "source.db", create=True)
    run.archive.lend(run.id, other, ["approval decided"])
    for state in run.archive.states(run.id):
        other.add(state)
    record = replace(other.run(run.id), config=config)
    other.run = lambda run_id=None: record  # type: ignore[method-assign]
    found = rerun(other, run.id, sandbox, scratch)
    other.close()
    return found.outcome


def test_the_command_line_lists_and_decides(
    tmp_path: Path, ratchet: Ratchet, process_sandbox: Sandbox
) -> None:
    path = tmp_path / "a.db"
    run, _ = asked(path, process_sandbox, "candidates", None)
    question = Question(
        id=f"{run.id}/7.0/abc",
        what="candidate",
        parent=f"{run.id}.0",
        idea="double it",
        flags=("reads the clock",),
        before={"step.py": "RATE = 1\n"},
        after={"step.py": "RATE = 2\n"},
    )
    run.archive.log(run.id, "approval asked", question.model_dump(mode="json"))
    shown = ratchet("approve", "--archive", str(path))
    assert shown.returncode == 0, shown.stderr
    assert "double it" in shown.stdout
    assert "reads the clock" in shown.stdout
    assert "+RATE = 2" in shown.stdout
    (listed,) = json.loads(ratchet("approve", "--archive", str(path), "--json").stdout)
    assert listed["id"] == question.id
    wrong = ratchet("approve", "--archive", str(path), "--yes", "--reject", "no")
    assert wrong.returncode == 2
    done = ratchet("approve", "--archive", str(path), "--reject", "too bold")
    assert "rejected" in done.stdout
    assert pending(run.archive, run.id) == []
    none = ratchet("approve", "--archive", str(path), "--yes")
    assert none.returncode == 3
    assert "nothing that waits" in none.stderr


def test_a_run_that_is_asked_to_stop_comes_to_its_end(tmp_path: Path, ratchet: Ratchet) -> None:
    words = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, "--minutes", "3"]
    done: list[object] = []
    running = threading.Thread(target=lambda: done.append(ratchet(*words, timeout=170)))
    running.start()
    where = tmp_path / ".ratchet" / "archive.db"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with suppress(ArchiveError):  # there, but not begun yet
            if (runs := Archive(where).runs()) and Archive(where).tree(runs[0].id):
                break
        time.sleep(0.3)
    told = ratchet("stop")
    assert told.returncode == 0, told.stderr
    running.join(60)
    assert done, "it did not stop"
    (result,) = done
    assert getattr(result, "returncode", None) == 0
    events = Archive(where).events(runs[0].id, "stopped")
    assert [event["data"]["reason"] for event in events] == ["asked to"]
    assert not list((tmp_path / ".ratchet").glob("*.stop"))


@pytest.mark.parametrize("reason", ["", "it is a copy"])
def test_the_first_answer_counts(tmp_path: Path, process_sandbox: Sandbox, reason: str) -> None:
    run, _ = asked(tmp_path / "a.db", process_sandbox, "candidates", None)
    decide(run.archive, run.id, Decision(id="x", approved=False, reason=reason))
    decide(run.archive, run.id, Decision(id="x", approved=True))
    from ratchet.search.desk.consent import decision

    held = decision(run.archive, run.id, "x")
    assert held is not None
    assert not held.approved
    assert held.reason == reason
