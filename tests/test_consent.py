"""Nothing runs without isolation unless someone says so, and what did is never taken for proof."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import BOWL, UNISOLATED, Ratchet
from stand_ins.runs import TREE, always, node, start
from stand_ins.tweak import Tweak

from ratchet.agents.base import AgentError, Brief
from ratchet.archive import Archive, Tree
from ratchet.archive.tables import NODES, blob
from ratchet.evals import Candidate
from ratchet.sandbox import Isolation, Job, Result, Sandbox, SandboxError, choose, open_sandbox
from ratchet.search.loop import search
from ratchet.search.schedule import Action
from ratchet.search.select import POLICIES
from ratchet.search.studies.replay import replay
from ratchet.search.turn import explore
from ratchet.tasks import load


class Stand:
    """A backend that does nothing."""

    def __init__(self, name: str, isolation: Isolation) -> None:
        self.name, self.isolation, self.closed = name, isolation, False

    def run(self, job: Job) -> Result:
        return Result("ok")

    def describe(self) -> dict[str, str]:
        return {"sandbox": self.name}

    def close(self) -> None:
        self.closed = True


class Backends:
    """Stands in for the modules of the backends; notes what was asked of them."""

    def __init__(self, broken: Mapping[str, str], unsound: Mapping[str, str]) -> None:
        self.broken, self.unsound = broken, unsound
        self.opened: list[Stand] = []
        self.asked: list[dict[str, Any]] = []

    def module(self, path: str) -> Any:
        name = path.rpartition(".")[2]

        def create(workers: int, **options: Any) -> Stand:
            if name in self.broken:
                raise SandboxError(self.broken[name])
            self.asked.append({"name": name, **options})
            self.opened.append(Stand(name, "none" if name == "process" else "namespace"))
            return self.opened[-1]

        return SimpleNamespace(create=create)

    def check(self, sandbox: Sandbox) -> None:
        if sandbox.name in self.unsound:
            raise SandboxError(self.unsound[sandbox.name])


def backends(
    patch: pytest.MonkeyPatch,
    broken: Mapping[str, str] | None = None,
    unsound: Mapping[str, str] | None = None,
) -> Backends:
    found = Backends(broken or {}, unsound or {})
    patch.setattr(choose, "import_module", found.module)
    patch.setattr(choose, "check", found.check)
    return found


def test_auto_takes_docker_then_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    backends(monkeypatch)
    assert open_sandbox("auto").name == "docker"
    backends(monkeypatch, broken={"docker": "no engine answers"})
    assert open_sandbox("auto").name == "namespace"


def test_auto_passes_over_a_backend_that_fails_its_own_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = backends(monkeypatch, unsound={"docker": "a file of the host can be read"})
    assert open_sandbox("auto").name == "namespace"
    assert [each.closed for each in found.opened] == [True, False]
    with pytest.raises(SandboxError, match="a file of the host can be read"):
        open_sandbox("docker")


@pytest.mark.parametrize("accept", [False, True])
def test_auto_never_falls_back_to_no_isolation(
    monkeypatch: pytest.MonkeyPatch, accept: bool
) -> None:
    broken = {"docker": "no engine answers", "namespace": "the kernel refuses"}
    found = backends(monkeypatch, broken)
    with pytest.raises(SandboxError) as error:
        open_sandbox("auto", accept_unisolated=accept)
    said = str(error.value)
    for word in (*broken.values(), "docker.io", "kernel.unprivileged_userns_clone"):
        assert word in said
    assert "--sandbox process --accept-unisolated" in said
    assert not found.opened
    assert len(said.splitlines()) == 1


def test_a_sandbox_that_does_not_isolate_needs_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    found = backends(monkeypatch)
    with pytest.raises(SandboxError, match="--accept-unisolated"):
        open_sandbox("process")
    assert found.opened[0].closed
    assert open_sandbox("process", accept_unisolated=True).isolation == "none"


def test_strict_reaches_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    found = backends(monkeypatch)
    open_sandbox("docker", strict=True)
    open_sandbox("docker")
    assert found.asked == [{"name": "docker", "strict": True}, {"name": "docker"}]


def test_the_command_line_asks_for_consent_in_one_sentence(
    tmp_path: Path, ratchet: Ratchet, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["search", BOWL, "--agent", "stand_ins.tweak", "--sandbox", "process", "--turns", "1"]
    refused = ratchet(*words)
    assert refused.returncode == 3
    assert len(refused.stderr.splitlines()) == 1
    assert "does not isolate" in refused.stderr
    assert "--accept-unisolated" in refused.stderr
    assert not (tmp_path / ".ratchet").exists()
    monkeypatch.setenv("RATCHET_ACCEPT_UNISOLATED", "1")
    accepted = ratchet(*words)
    assert accepted.returncode == 0, accepted.stderr
    assert accepted.stderr.count("does not isolate") == 1


def test_what_ran_without_isolation_says_so_wherever_it_is_shown(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    words = ["--agent", "stand_ins.tweak", *UNISOLATED, "--seed", "1", "--secret", "5" * 32]
    done = ratchet("search", BOWL, *words, "--turns", "4")
    assert done.returncode == 0, done.stderr
    best = json.loads(ratchet("runs", "--json").stdout)[0]["best"]
    assert best, "the search should confirm something"
    for verb in (["tree"], ["tree", "--all"], ["show", best], ["runs"]):
        assert "unvalidated" in ratchet(*verb).stdout, verb
    assert "unvalidated: it ran without isolation" in done.stdout
    record = json.loads(ratchet("show", best, "--json").stdout)
    assert (record["isolation"], record["validated"]) == ("none", False)
    made = json.loads(ratchet("tree", "--json").stdout)
    assert {each["isolation"] for each in made} == {"none"}
    assert {each["validated"] for each in made if each["kind"] != "candidate"} == {True}
    assert ratchet("export", best, "--to", "out").returncode == 0
    assert "Unvalidated" in (tmp_path / "out/README.md").read_text()


def test_an_unvalidated_node_is_never_built_on_nor_shown_to_an_agent(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    seen: list[Tree] = []

    class Watching:
        def propose(self, brief: Brief) -> Candidate:
            seen.append(brief.tree)
            candidate: Candidate = Tweak().propose(brief)
            return candidate

    run = start(tmp_path / "a.db", process_sandbox, Watching(), turns=12)
    tree = Tree(list(search(run, always)))
    assert tree.confirmed()
    assert {n.parent for n in tree if n.verdict} <= {n.number for n in tree.planted()}
    assert {n.isolation for n in tree} == {"none"}
    assert all(n.verdict is None for each in seen for n in each)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_no_policy_selects_it_however_good_it_is(name: str) -> None:
    tree = Tree([node(0, 0.0), node(1, 9.0, 0, "confirmed", isolation="none")])
    assert POLICIES[name](tree, Random(0)).number == 0
    assert not tree[1].eligible


def test_a_policy_that_insists_is_stopped(tmp_path: Path, process_sandbox: Sandbox) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=3)
    with pytest.raises(AgentError, match="may not be built on"):
        explore(replace(run, select=lambda tree, rng: TREE[5]), 6, 6, Action("expand"), TREE)


def test_the_best_node_is_a_validated_one_if_there_is_any() -> None:
    nodes = [node(0, 0.0), node(1, 0.2, 0, "confirmed")]
    tree = Tree([*nodes, node(2, 0.9, 0, "confirmed", isolation="none")])
    best = tree.best()
    assert best is not None
    assert best.number == 1


def test_a_replay_with_isolation_validates_what_it_reproduces(
    tmp_path: Path, process_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=6)
    best = Tree(list(search(run, always))).best()
    assert best is not None
    assert "validated" not in replay(best, run.archive, process_sandbox).reason
    assert not run.archive.node(best.id).validated
    monkeypatch.setattr(process_sandbox, "isolation", "namespace", raising=False)
    found = replay(best, run.archive, process_sandbox)
    assert found.outcome == "REPRODUCED"
    assert "validated" in found.reason
    assert run.archive.node(best.id).eligible
    others = [n for n in run.archive.tree("test") if n.verdict and n.number != best.number]
    assert not any(other.validated for other in others)


def test_strict_measures_one_seed_a_job_and_the_scores_are_the_same(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    asked: list[int] = []

    class Counting(Stand):
        def run(self, job: Job) -> Result:
            if job.files and b"seeds" in job.request:
                asked.append(len(json.loads(job.request)["seeds"]))
            return process_sandbox.run(job)

    counting = Counting("counting", "none")
    together = list(search(start(tmp_path / "a.db", counting, Tweak(), turns=1), always))
    assert max(asked) > 1
    asked.clear()
    strict = start(tmp_path / "b.db", counting, Tweak(), turns=1, sharing="strict")
    alone = list(search(strict, always))
    assert set(asked) == {1}
    assert [n.score for n in alone] == [n.score for n in together]


def test_an_archive_from_before_isolation_was_recorded_still_opens(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    archive.start_run("r", load(BOWL), {"task": "bowl", "key": "k"})
    archive.add(node(0, 0.0))
    for number, sandbox in enumerate(("docker", "process"), 1):
        environment = archive.add_environment({"sandbox": sandbox})
        each = node(number, 0.1, 0, "confirmed").model_copy(update={"environment": environment})
        data = each.model_dump(mode="json")
        del data["isolation"], data["candidate"]["files"]
        with archive.database.writing() as db:
            files = {name: blob(db, text.encode()) for name, text in each.candidate.files.items()}
            db.execute(NODES.insert().values(run="r", number=number, files=files, data=data))
    assert [n.isolation for n in archive.tree("r")][1:] == ["container", "none"]
    assert [n.eligible for n in archive.tree("r")][1:] == [True, False]
