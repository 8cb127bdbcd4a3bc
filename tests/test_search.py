"""A search on a toy task: what it keeps, and that nothing can make it lose or change anything."""

import json
import math
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BOWL, UNISOLATED, Ratchet, command, environment
from no_effect import NoEffect
from stand_ins.rogue import BROKEN, Rogue
from stand_ins.runs import always, essence, start
from stand_ins.tweak import Tweak

from ratchet.agents.base import Agent, Brief
from ratchet.archive import Archive, Tree
from ratchet.evals import Candidate, Keys, draw, fresh_key, key_from
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.search.loop import search
from ratchet.search.studies.report import report


def test_a_search_confirms_an_improvement_and_plants_start_and_baselines(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=20)
    tree = Tree(list(search(run, always)))
    assert [node.name for node in tree.planted()] == ["start", "momentum"]
    assert len(tree) == 22
    best = tree.best()
    assert best is not None
    assert best.verdict is not None
    assert best.verdict.estimate is not None
    assert best.verdict.estimate.low > 0
    claim = best.verdict.claims[0]
    assert claim.held
    assert claim.log_e >= -math.log(claim.level)
    assert essence(run.archive.tree("test")) == essence(tree)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_tree_does_not_depend_on_the_number_of_workers(
    tmp_path: Path, process_sandbox: Sandbox, workers: int
) -> None:
    one = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=15, workers=2)
    other = start(tmp_path / "b.db", process_sandbox, Tweak(), turns=15, workers=workers)
    assert essence(search(one, always)) == essence(search(other, always))


@pytest.mark.parametrize(("agent", "turns"), [(Tweak(), 15), (Rogue(), 8)])
def test_a_run_that_is_abandoned_and_resumed_grows_the_same_tree(
    tmp_path: Path, process_sandbox: Sandbox, agent: Agent, turns: int
) -> None:
    whole = list(search(start(tmp_path / "a.db", process_sandbox, agent, turns=turns), always))
    for stop in (1, 4, 9, 30):
        run = start(tmp_path / "b.db", process_sandbox, agent, turns=turns)
        nodes = search(run, always)
        for _ in zip(range(stop), nodes, strict=False):
            pass
        nodes.close()  # type: ignore[attr-defined]
    assert essence(run.archive.states("test")) == essence(whole)


def test_broken_candidates_are_invalid_nodes_and_the_search_goes_on(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Rogue(), turns=30)
    tree = Tree(list(search(run, always)))
    ideas = {n.candidate.idea: n for n in tree if n.verdict and n.standing == "invalid"}
    assert set(ideas) == set(BROKEN)
    assert not tree.confirmed()
    reasons = {name: node.verdict.reason for name, node in ideas.items() if node.verdict}
    assert "is not Python" in reasons["syntax"]
    assert "no idea" in reasons["raises"]
    assert "timeout" in reasons["hangs"]
    assert "oom" in reasons["allocates"]
    assert "diverged" in reasons["not a number"]
    assert "imports os" in reasons["imports"]
    assert all(reason and "\n" not in reason for reason in reasons.values())


class Idle:
    """Offers the parent again."""

    def propose(self, brief: Brief) -> Candidate:
        return brief.parent.candidate


def test_a_proposal_that_changes_nothing_is_never_measured(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Idle(), turns=2)
    made = [node for node in search(run, always) if node.verdict is not None]
    assert [node.standing for node in made] == ["no gain", "no gain"]
    assert all(node.trials == 0 and node.discarded for node in made)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rewrites_without_effect_are_measured_and_none_is_confirmed(
    tmp_path: Path, process_sandbox: Sandbox, seed: int
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, NoEffect(), seed, turns=25, novelty=False)
    made = [node for node in search(run, always) if node.verdict is not None]
    assert len(made) == 25
    assert {node.standing for node in made} == {"no gain"}
    assert all(node.trials > 0 for node in made)


class Listening:
    """Passes every job on, and keeps what was sent."""

    def __init__(self, inner: Sandbox) -> None:
        self.inner, self.name, self.isolation = inner, inner.name, inner.isolation
        self.jobs: list[Job] = []

    def run(self, job: Job) -> Result:
        self.jobs.append(job)
        return self.inner.run(job)

    def describe(self) -> dict[str, str]:
        return self.inner.describe()

    def close(self) -> None:
        pass


class Moved(Listening):
    """The same sandbox on another machine."""

    def describe(self) -> dict[str, str]:
        return {**self.inner.describe(), "kernel": "another"}


def test_what_a_run_measured_in_two_environments_is_archived_under_the_environment_of_each_node(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    first = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=12)
    for node in search(first, always):
        if node.standing == "promising":
            break  # its confirmation is left to the second session
    moved = start(tmp_path / "a.db", Moved(process_sandbox), Tweak(), turns=12)
    assert moved.lab.environment != first.lab.environment
    list(search(moved, always))
    archive = moved.archive
    tree = archive.tree("test")
    assert {node.environment for node in tree} == {first.lab.environment, moved.lab.environment}
    assert tree[node.number].environment == moved.lab.environment
    for other in tree:
        for evidence in other.evidence:
            seeds = draw(moved.config.keys, evidence.stream, evidence.count)
            measured = archive.evaluation(other, evidence.stream, seeds, evidence.split)
            assert len(measured.trials) == evidence.count, other.id


def test_no_sandbox_is_told_a_key_nor_a_candidate_a_sealed_seed(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    listening = Listening(process_sandbox)
    run = start(tmp_path / "a.db", listening, Tweak(), turns=8)
    tree = Tree(list(search(run, always)))
    assert report(run.archive.run(), run.lab, run.archive) is not None
    sent = [
        b"\n".join([job.request, *job.files.values(), *job.program.files.values()])
        for job in listening.jobs
    ]
    for key in (run.config.secret, run.config.key):
        assert not any(key.encode() in each for each in sent)
    streams = {(each.stream, each.count) for node in tree for each in node.evidence}
    assert any(stream.startswith("confirm/") for stream, _ in streams)
    sealed = [
        str(seed.sealed).encode()
        for stream, count in (*streams, ("report/1", 64))
        for seed in draw(run.config.keys, stream, count)
    ]
    for job, data in zip(listening.jobs, sent, strict=True):
        if job.files:
            assert not any(number in data for number in sealed)
    assert any(number in data for number in sealed for data in sent), "the graders need them"


def test_the_seed_foretells_no_seed_that_settles_anything() -> None:
    one, other = Keys(key_from(1), fresh_key()), Keys(key_from(1), fresh_key())
    for stream in ("search/0", "search/common", "confirm/7", "report/1", "replay"):
        pairs = list(zip(draw(one, stream, 50), draw(other, stream, 50), strict=True))
        assert all(a.sealed != b.sealed for a, b in pairs)
        known = stream == "search/0"
        assert all((a.train == b.train) == known for a, b in pairs)


def test_a_search_with_isolation_builds_on_what_it_confirmed(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    run = start(tmp_path / "a.db", isolated_sandbox, Tweak(), turns=12)
    tree = Tree(list(search(run, always)))
    confirmed = {node.number for node in tree.confirmed()}
    assert confirmed & {node.parent for node in tree}
    assert all(node.isolation == isolated_sandbox.isolation for node in tree)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_ctrl_c_stops_quickly_and_prints_how_to_resume(tmp_path: Path, number: int) -> None:
    words = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, "--minutes", "5"]
    process = subprocess.Popen(
        command(*words), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("budget"):
            break
    time.sleep(1.0)
    process.send_signal(number)
    asked = time.monotonic()
    output, _ = process.communicate(timeout=20)
    assert time.monotonic() - asked < 4
    assert process.returncode == 130
    assert "ratchet resume" in output
    archive = Archive(tmp_path / ".ratchet/archive.db")
    run = archive.run().id
    assert run in output
    assert [event["kind"] for event in archive.events(run)] == ["started", "stopped"]


def test_two_processes_cannot_grow_the_same_run(tmp_path: Path, ratchet: Ratchet) -> None:
    words = ["--agent", "stand_ins.tweak", *UNISOLATED, "--turns", "3"]
    assert ratchet("search", BOWL, *words).returncode == 0
    archive = Archive(tmp_path / ".ratchet/archive.db")
    run = archive.run().id
    with archive.hold(run):
        second = ratchet("resume", run, *UNISOLATED)
    assert second.returncode == 3
    assert "another process" in second.stderr


def test_a_search_that_finds_nothing_valid_says_so_with_its_exit_code(ratchet: Ratchet) -> None:
    words = ["--agent", "stand_ins.rogue", *UNISOLATED, "--turns", "4", "--seed", "3"]
    done = ratchet("search", BOWL, *words)
    assert done.returncode == 4
    assert "nothing was confirmed" in done.stdout
    tree = json.loads(ratchet("tree", "--json").stdout)
    assert not [node for node in tree if node["kind"] == "candidate" and node["score"] is not None]
    assert "invalid" in {node["standing"] for node in tree}
