"""An archive that an earlier version has made stays readable, resumable and replayable.

tests/fixtures/archive_0_1 holds one, with what the version that made it says of it; `make.py` there
tells how. The task of its runs is in it, so that no folder has to stay as it was.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import HERE, Ratchet

KEPT = HERE / "fixtures/archive_0_1"
EXPECTED: dict[str, Any] = json.loads((KEPT / "expected.json").read_text())
FINISHED, STOPPED = EXPECTED["finished"], EXPECTED["stopped"]
CONFIRMED, REFUTED = EXPECTED["confirmed"], EXPECTED["refuted"]
NO_SANDBOX = ["--sandbox", "none.such"]  # whoever opened it would fail
READING = {
    "runs": ["runs"],
    "tree": ["tree", FINISHED],
    "half": ["tree", STOPPED],
    "show": ["show", CONFIRMED],
    "rejudge": ["rejudge", FINISHED],
    "report": ["report", FINISHED, *NO_SANDBOX],
}
IN_WORDS = {
    "runs": (FINISHED, ["runs"]),
    "tree": ("refuted", ["tree", FINISHED, "--all"]),
    "show": ("confirmed", ["show", CONFIRMED]),
    "report": ("on sealed seeds (reading 1)", ["report", FINISHED, *NO_SANDBOX]),
}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of the archive, as nothing may write into the one that is kept."""
    return Path(shutil.copy(KEPT / "archive.db", tmp_path / "kept.db"))


def agrees(record: Any, expected: Any) -> bool:
    """Whether a record says all that is expected of it: it may say more."""
    if isinstance(expected, dict):
        return all(key in record and agrees(record[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        pairs = zip(record, expected, strict=False)
        return len(record) == len(expected) and all(agrees(*pair) for pair in pairs)
    if isinstance(expected, float):
        return bool(record == pytest.approx(expected, rel=1e-6, abs=1e-9))
    return bool(record == expected)


@pytest.mark.parametrize("name", READING)
def test_every_reading_verb_says_what_it_said_then_and_changes_nothing(
    kept: Path, ratchet: Ratchet, name: str
) -> None:
    before = kept.read_bytes()
    done = ratchet(*READING[name], "--json", "--archive", str(kept))
    assert done.returncode == 0, done.stderr
    assert agrees(json.loads(done.stdout), EXPECTED[name])
    assert kept.read_bytes() == before


@pytest.mark.parametrize("name", IN_WORDS)
def test_it_is_shown_in_words(kept: Path, ratchet: Ratchet, name: str) -> None:
    words, verb = IN_WORDS[name]
    done = ratchet(*verb, "--archive", str(kept))
    assert done.returncode == 0, done.stderr
    assert words in done.stdout


def test_a_node_is_exported_with_its_evidence(kept: Path, tmp_path: Path, ratchet: Ratchet) -> None:
    done = ratchet("export", CONFIRMED, "--to", "out", "--archive", str(kept))
    assert done.returncode == 0, done.stderr
    program = EXPECTED["show"]["files"]["step.py"]
    assert (tmp_path / "out/step.py").read_text().endswith(program)
    assert agrees(json.loads((tmp_path / "out/evidence.json").read_text()), EXPECTED["show"])


@pytest.mark.parametrize("node", [CONFIRMED, REFUTED], ids=["confirmed", "refuted"])
def test_a_node_is_reproduced(kept: Path, quick_ratchet: Ratchet, node: str) -> None:
    done = quick_ratchet("replay", node, "--json", "--archive", str(kept))
    assert done.returncode == 0, done.stderr
    assert agrees(json.loads(done.stdout), EXPECTED["replay"][node])


def test_a_run_that_was_killed_goes_on_and_comes_to_the_same_verdicts(
    kept: Path, ratchet: Ratchet, quick_ratchet: Ratchet
) -> None:
    done = quick_ratchet("resume", STOPPED, "--archive", str(kept))
    assert done.returncode == 0, done.stderr
    tree = json.loads(quick_ratchet("tree", STOPPED, "--json", "--archive", str(kept)).stdout)
    before, after = EXPECTED["half"], EXPECTED["resumed"]
    assert [node["digest"] for node in tree[: len(before)]] == [node["digest"] for node in before]
    assert len(tree) == len(after), "all proposals that were asked for are made"
    assert agrees(tree, after), "or the evolver was changed: see make.py --resumed"
    # The machine that goes on is another one, so what is measured there stands beside what was.
    for verb in (["rejudge", STOPPED], *(["show", node["node"]] for node in tree)):
        done = ratchet(*verb, "--archive", str(kept))
        assert done.returncode == 0, done.stderr
