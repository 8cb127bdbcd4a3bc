"""Replay ends in a verdict, and in the right one."""

from pathlib import Path

import pytest
from conftest import BOWL

from ratchet.archive import Archive, Evidence, Node
from ratchet.evals import Candidate, Keys, draw, measure
from ratchet.sandbox import Sandbox
from ratchet.search.lab import describe
from ratchet.search.studies.replay import Replay, replay, replay_fresh
from ratchet.tasks import load

SEEDS = draw(Keys("key", "secret"), "search/common", 12)
RAISES = {"step.py": "def step(x, grad, progress):\n    raise ValueError('no more')\n"}


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "a.db", create=True)
    made.start_run("r", load(BOWL), {"task": "bowl", "key": "key", "secret": "secret"})
    return made


def archived(
    archive: Archive,
    sandbox: Sandbox,
    shift: float = 0.0,
    program: dict[str, str] | None = None,
    **environment: str,
) -> Node:
    """A node whose archived scores are `shift` off what its first program really scores."""
    task = load(BOWL)
    honest = Candidate(files=task.start, idea="", proposer="test")
    trials = [
        trial.model_copy(update={"score": (trial.score or 0.0) + shift})
        for trial in measure(honest, task, sandbox, SEEDS)
    ]
    candidate = honest.model_copy(update={"files": program or task.start})
    digest = archive.add_environment({**describe(sandbox), **environment})
    archive.add_trials(digest, task.digest, candidate.digest, "dev", trials)
    return archive.add(
        Node(
            run="r",
            number=0,
            turn=0,
            parent=None,
            kind="start",
            name="start",
            candidate=candidate,
            canonical="",
            behaviour=None,
            evidence=(Evidence(stream="search/common", count=len(SEEDS)),),
            verdict=None,
            environment=digest,
            isolation=sandbox.isolation,
        )
    )


def test_the_same_scores_to_the_bit_are_reproduced(
    archive: Archive, process_sandbox: Sandbox
) -> None:
    found = replay(archived(archive, process_sandbox), archive, process_sandbox)
    assert (found.outcome, found.identical, found.seeds) == ("REPRODUCED", 12, 12)
    assert found.largest == 0


def test_other_scores_under_the_same_environment_have_drifted(
    archive: Archive, process_sandbox: Sandbox
) -> None:
    found = replay(archived(archive, process_sandbox, shift=1e-6), archive, process_sandbox)
    assert found.outcome == "DRIFTED"
    assert "same environment" in found.reason
    assert found.identical == 0


@pytest.mark.parametrize(("shift", "outcome"), [(1e-4, "REPRODUCED"), (0.1, "DRIFTED")])
def test_under_another_environment_the_mean_has_to_agree(
    archive: Archive, process_sandbox: Sandbox, shift: float, outcome: str
) -> None:
    node = archived(archive, process_sandbox, shift, processor="an abacus")
    found = replay(node, archive, process_sandbox)
    assert found.outcome == outcome
    assert any(line.startswith("processor: an abacus -> ") for line in found.differences)


def test_a_program_that_no_longer_runs_has_failed(
    archive: Archive, process_sandbox: Sandbox
) -> None:
    node = archived(archive, process_sandbox, program=RAISES)
    found = replay(node, archive, process_sandbox)
    assert found.outcome == "FAILED"
    assert "all 12 seeds ended with candidate_error" in found.reason


def fresh(archive: Archive, sandbox: Sandbox, shift: float) -> Replay:
    return replay_fresh(archived(archive, sandbox, shift), archive, sandbox, 16)


def test_fresh_seeds_agree_with_an_honest_archive(
    archive: Archive, process_sandbox: Sandbox
) -> None:
    assert fresh(archive, process_sandbox, 0.0).outcome == "REPRODUCED"


def test_fresh_seeds_do_not_bear_out_a_flattered_one(
    archive: Archive, process_sandbox: Sandbox
) -> None:
    found = fresh(archive, process_sandbox, -2.0)
    assert found.outcome == "DRIFTED"
    assert "outside" in found.reason
