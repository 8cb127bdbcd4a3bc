"""Further workloads steer a search: what loses there more than it gains is not put to a claim."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import BOWL
from stand_ins.runs import always, essence, start

from ratchet.agents.base import Brief, ProposalError
from ratchet.archive import Node, Tree
from ratchet.evals import Candidate
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.search import further
from ratchet.search.loop import search
from ratchet.search.run import Run
from ratchet.search.studies.replay import replay
from ratchet.tasks import TaskError, load

# Faster everywhere but on the steep slopes, where it jumps ever farther; and faster everywhere.
GREEDY = "RATE = 0.06\n\ndef step(x, grad, progress):\n    return -RATE * grad\n"
SOUND = "RATE = 0.03\n\ndef step(x, grad, progress):\n    return -RATE * grad - 0.03 * x\n"


class Offering:
    """Offers programs in their order, each as a child of the node it is asked to build on."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def propose(self, brief: Brief) -> Candidate:
        tried = {node.candidate.files["step.py"] for node in brief.tree}
        for text in self._texts:
            if text not in tried:
                return Candidate(files={"step.py": text}, idea="faster", proposer="offering")
        raise ProposalError("all were offered")


class Noting:
    """A sandbox that notes what it is asked to train, and may break after so many jobs."""

    def __init__(self, sandbox: Sandbox, jobs: int = 10_000) -> None:
        self.name, self.isolation = sandbox.name, sandbox.isolation
        self.describe, self.close = sandbox.describe, sandbox.close
        self._sandbox, self._jobs = sandbox, jobs
        self.workloads: list[tuple[str, ...]] = []

    def run(self, job: Job) -> Result:
        self._jobs -= 1
        if self._jobs < 0:
            raise KeyboardInterrupt
        request = json.loads(job.request.partition(b"\n")[0])
        if "workloads" in request and "sealed" not in request:
            self.workloads.append(tuple(request["workloads"]))
        return self._sandbox.run(job)


@pytest.fixture(scope="module")
def steep(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a bowl with steeper slopes as further workloads."""
    folder = tmp_path_factory.mktemp("steep") / "bowl"
    shutil.copytree(BOWL, folder)
    for name in ("trainer.py", "grader.py"):
        text = (folder / name).read_text()
        (folder / name).write_text(
            text.replace('"harder": 40.0', '"harder": 40.0, "steep": 50.0, "steeper": 60.0')
        )
    manifest = (folder / "task.toml").read_text()
    named = 'glance = ["easy"]\nfurther = ["steep", "steeper"]'
    (folder / "task.toml").write_text(manifest.replace('glance = ["easy"]', named))
    return str(folder)


def offered(path: Path, sandbox: Any, folder: str, *texts: str, **config: Any) -> Run:
    """A run in which these programs are offered, as far as it came."""
    run: Run = start(path, sandbox, Offering(*texts), turns=5, folder=folder, lag=0, **config)
    list(search(run, always))
    return run


def named(tree: Tree, text: str) -> Node:
    return next(node for node in tree if node.candidate.files["step.py"] == text)


@pytest.fixture(scope="module")
def steered(tmp_path_factory: pytest.TempPathFactory, isolated_sandbox: Sandbox, steep: str) -> Run:
    """A search on the bowl with further workloads."""
    path = tmp_path_factory.mktemp("steered") / "a.db"
    return offered(path, isolated_sandbox, steep, GREEDY, SOUND)


def test_what_loses_more_on_further_workloads_than_it_gains_is_not_put_to_a_claim(
    steered: Run, tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    greedy = named(steered.archive.tree("test"), GREEDY)
    assert greedy.verdict
    assert (greedy.standing, greedy.verdict.claims) == ("no gain", ())
    assert "its gain on further workloads is -" in greedy.verdict.reason
    plain = offered(tmp_path / "b.db", isolated_sandbox, BOWL, GREEDY)
    assert named(plain.archive.tree("test"), GREEDY).standing == "confirmed"


def test_what_gains_there_too_is_confirmed_on_the_development_workloads_alone(
    steered: Run,
) -> None:
    sound = named(steered.archive.tree("test"), SOUND)
    assert sound.standing == "confirmed"
    (look,) = (evidence for evidence in sound.evidence if evidence.split == "further")
    assert (look.count, look.versus) == (further.SEEDS, sound.parent)
    assert sound.verdict
    assert all(claim.stream != look.stream for claim in sound.verdict.claims)


def test_a_search_that_stops_at_further_workloads_goes_on_to_the_same_tree(
    steered: Run, tmp_path: Path, isolated_sandbox: Sandbox, steep: str
) -> None:
    noting = Noting(isolated_sandbox)
    offered(tmp_path / "a.db", noting, steep, GREEDY, SOUND)
    first = noting.workloads.index(("steep", "steeper"))
    for jobs in (first, 2 * first):
        with pytest.raises(KeyboardInterrupt):
            offered(tmp_path / "b.db", Noting(isolated_sandbox, jobs), steep, GREEDY, SOUND)
    run = offered(tmp_path / "b.db", isolated_sandbox, steep, GREEDY, SOUND)
    assert essence(run.archive.states("test")) == essence(steered.archive.states("test"))


def test_a_replay_repeats_what_was_measured_on_further_workloads(
    steered: Run, isolated_sandbox: Sandbox
) -> None:
    for text in (GREEDY, SOUND):
        node = named(steered.archive.tree("test"), text)
        again = replay(node, steered.archive, isolated_sandbox)
        assert again.outcome == "REPRODUCED"


def test_a_workload_is_of_one_kind(steep: str, tmp_path: Path) -> None:
    folder = shutil.copytree(steep, tmp_path / "bowl")
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(text.replace('"steeper"]', '"harder"]'))
    with pytest.raises(TaskError, match="workloads in both transfer and further: harder"):
        load(f"{folder}/")
