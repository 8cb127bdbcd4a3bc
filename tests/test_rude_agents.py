"""Whatever an agent raises or offers is a proposal that failed, and no end of a search."""

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from conftest import BOWL, UNISOLATED, Ratchet
from stand_ins.failing import Failing
from stand_ins.rude import ALL, BARRED, FAULTS, REFUSED, Rude
from stand_ins.runs import always, essence, start
from stand_ins.tweak import Tweak

from ratchet.agents.base import AgentError, Brief, BudgetSpent, ProposalError
from ratchet.agents.llm import ModelError
from ratchet.agents.opening import open_agent
from ratchet.archive import Archive, ArchiveError, Node, Tree
from ratchet.evals import Candidate
from ratchet.sandbox import Sandbox, SandboxError
from ratchet.search.loop import search
from ratchet.search.run import Run
from ratchet.tasks import TaskError


def grown(run: Run) -> list[Node]:
    """The nodes of a search but those planted."""
    return [node for node in search(run, always) if node.verdict is not None]


def test_a_search_outlives_all_that_an_agent_does_and_names_it_on_the_node(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    turns = 2 * len(ALL)
    run = start(tmp_path / "a.db", process_sandbox, Rude(), turns=turns, schedule="fixed", lag=0)
    made = grown(run)
    assert len(made) == turns
    rude = {name: made[2 * number] for number, name in enumerate(ALL)}
    for name, (_, words) in ALL.items():
        verdict = rude[name].verdict
        assert verdict is not None
        assert words in verdict.reason, name
        assert "\x1b" not in verdict.reason
        assert "\u202e" not in verdict.reason
        assert len(verdict.reason) < 1000
        assert rude[name].trials == 0
        assert set(rude[name].candidate.files) == {"step.py"}
    assert {rude[name].standing for name in FAULTS} == {"no gain"}
    assert {rude[name].standing for name in (*BARRED, *REFUSED)} == {"invalid"}
    assert any(node.trials for node in made[1::2])
    assert essence(run.archive.tree("test")) == essence(Tree(run.archive.states("test")))


def test_a_run_of_a_rude_agent_resumes_to_the_same_tree(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    agent = Rude("value", "surrogate", "nested")
    whole = list(search(start(tmp_path / "a.db", process_sandbox, agent, turns=7), always))
    for stop in (3, 5, 30):
        run = start(tmp_path / "b.db", process_sandbox, agent, turns=7)
        nodes = search(run, always)
        for _ in zip(range(stop), nodes, strict=False):
            pass
        nodes.close()  # type: ignore[attr-defined]
    assert essence(run.archive.states("test")) == essence(whole)


OF_OTHERS = [
    ArchiveError("the disk is full"),
    ModelError("nobody answers"),
    SandboxError("the engine is gone"),
    TaskError("the grader broke"),
]
OPEN = [(error, False) for error in (*OF_OTHERS, AgentError("not for this"), KeyboardInterrupt())]


@pytest.mark.parametrize(("error", "hidden"), [*OPEN, *((error, True) for error in OF_OTHERS)])
def test_what_is_not_the_agents_fault_ends_the_search_and_makes_no_node(
    tmp_path: Path, process_sandbox: Sandbox, error: BaseException, hidden: bool
) -> None:
    class Unlucky:
        def propose(self, brief: Brief) -> Candidate:
            if not hidden:
                raise error
            try:
                raise error
            except type(error):
                raise ValueError("something went wrong") from None

    run = start(tmp_path / "a.db", process_sandbox, Unlucky(), turns=3)
    with pytest.raises(type(error)) as caught:
        grown(run)
    assert str(caught.value) == str(error)
    assert len(run.archive.tree("test")) == 2


def test_a_full_disk_is_no_fault_of_the_agent(tmp_path: Path, process_sandbox: Sandbox) -> None:
    class Writing:
        def propose(self, brief: Brief) -> Candidate:
            raise OSError(errno.ENOSPC, "No space left on device")

    run = start(tmp_path / "a.db", process_sandbox, Writing(), turns=3)
    with pytest.raises(AgentError, match=r"this machine stopped the agent: .*No space left"):
        grown(run)
    assert len(run.archive.tree("test")) == 2


def test_a_spent_budget_ends_the_search_as_before(tmp_path: Path, process_sandbox: Sandbox) -> None:
    class Spender:
        def propose(self, brief: Brief) -> Candidate:
            try:
                raise BudgetSpent("no tokens are left")
            except BudgetSpent as error:
                raise RuntimeError("no reply") from error

    run = start(tmp_path / "a.db", process_sandbox, Spender(), turns=3)
    assert grown(run) == []
    assert [each["data"]["reason"] for each in run.archive.events("test", "budget spent")] == [
        "no tokens are left"
    ]


def test_some_failures_in_a_row_end_a_session_and_the_next_goes_on_behind_them(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    for sessions in (1, 2):
        run = start(tmp_path / "a.db", process_sandbox, Failing(), turns=99)
        with pytest.raises(AgentError, match=r"5 turns in a row failed.*ValueError: boom"):
            grown(run)
        assert len(run.archive.tree("test")) == 2 + 5 * sessions
    mended = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=11)
    assert [node.standing != "invalid" for node in grown(mended)]


def test_failures_between_proposals_end_nothing(tmp_path: Path, process_sandbox: Sandbox) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Rude(*["value"] * 7), turns=14)
    reasons = [node.verdict.reason for node in grown(run) if node.verdict]
    assert sum("boom" in reason for reason in reasons) == 7


@pytest.mark.parametrize(
    ("select", "words"),
    [
        (
            lambda tree, rng: tree[99],
            "the selection policy raised NoSuchNode: the run has no node 99",
        ),
        (lambda tree, rng: None, "the selection policy chose NoneType, not a node"),
    ],
)
def test_a_selection_policy_that_fails_is_a_turn_that_failed(
    tmp_path: Path,
    process_sandbox: Sandbox,
    select: Callable[[Tree, Random], Node],
    words: str,
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=99)
    object.__setattr__(run, "select", select)
    with pytest.raises(AgentError, match="5 turns in a row failed"):
        grown(run)
    nodes = [node for node in run.archive.tree("test") if node.verdict]
    assert [node.verdict.reason for node in nodes if node.verdict] == [words] * 5
    assert {node.parent for node in nodes} == {0}


def test_a_proposal_error_of_any_length_is_short_on_the_node(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    class Wordy:
        attempts = 1

        def propose(self, brief: Brief) -> Candidate:
            raise ProposalError("no " * 1_000_000)

    (node,) = grown(start(tmp_path / "a.db", process_sandbox, Wordy(), turns=1))
    assert node.verdict is not None
    assert len(node.verdict.reason) <= 1000


@pytest.mark.parametrize("attempts", [0, -1, "many", None])
def test_an_agent_that_may_be_asked_no_times_is_refused_in_a_sentence(
    tmp_path: Path, process_sandbox: Sandbox, attempts: object
) -> None:
    agent = Tweak()
    agent.attempts = attempts
    with pytest.raises(AgentError, match="whole number of at least 1"):
        grown(start(tmp_path / "a.db", process_sandbox, agent, turns=1))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def create(:\n", "cannot be imported: SyntaxError"),
        ("raise ValueError('at import')\n", "cannot be imported: ValueError: at import"),
        ("import sys\nsys.exit(3)\n", "cannot be imported: SystemExit: 3"),
        ("create = 3\n", "raised TypeError"),
        ("def create():\n    raise ValueError('no key')\n", "raised ValueError: no key"),
        ("def create():\n    return 3\n", "has no method propose"),
    ],
)
def test_a_module_that_makes_no_agent_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    name = f"odd_agent_{abs(hash(source))}"
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AgentError, match=words):
        open_agent(f"odd.{name}")


@pytest.mark.slow
def test_the_command_ends_with_2_says_how_to_go_on_and_goes_on(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    done = ratchet("search", BOWL, "--agent", "stand_ins.failing", "--turns", "30", *UNISOLATED)
    assert done.returncode == 2
    assert "5 turns in a row failed, the last one so: the agent raised ValueError: boom" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
    assert "Go on with:\n  ratchet resume" in done.stdout
    archive = Archive(tmp_path / ".ratchet" / "archive.db")
    (row,) = archive.runs()
    (event,) = archive.events(row.id, "stopped")
    assert "boom" in event["data"]["reason"]
    assert len(archive.tree(row.id)) == 7
    again = ratchet("resume", row.id, *UNISOLATED)
    assert again.returncode == 2
    assert len(archive.tree(row.id)) == 12
    replayed = ratchet("replay", row.id, *UNISOLATED)
    assert replayed.returncode == 0, replayed.stderr + replayed.stdout
