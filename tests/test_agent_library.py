"""Every agent that asks a model searches from the command line, and its run replays without one."""

import json
from pathlib import Path

import pytest
from conftest import BOWL, SECRET, Ratchet
from stand_ins.model_server import ModelServer
from stand_ins.weak_model import REPLIES, answer

from ratchet.archive import Archive

KEY = "sk-canary-0123456789abcdefghij"
TURNS = 5
FORMS: dict[str, set[str | None]] = {
    "researcher": {"Diagnosis", "Idea", "Review", "Patch"},
    "researcher_roles": {"Design", "Patch", "Quality"},
    "researcher_conductor": {"Conduct", None, "Idea", "Review", "Patch"},
    "aide": {"Program"},
    "adas": {"Solution", "Reflected"},
    "dgm": {"Report", "Patch"},
    "hybrid": {"Diagnosis", "Idea", "Review", "Patch"},
    "toolsmith": {"Act"},
}
SEEDS = {
    **dict.fromkeys(FORMS, 1),
    "toolsmith": 3,
}  # such that the weak model has some luck


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS)
def test_a_model_agent_searches_from_the_command_line_and_replays_offline(
    name: str, tmp_path: Path, quick_ratchet: Ratchet, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ModelServer(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        words = ["--agent", name, "--model", "weak", "--secret", SECRET]
        words += ["--seed", str(SEEDS[name]), "--turns", str(TURNS)]
        done = quick_ratchet("search", BOWL, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each.schema for each in server.asked} >= FORMS[name]

    archive = Archive(tmp_path / ".ratchet/archive.db")
    made = [node for node in archive.tree(archive.run().id) if node.verdict]
    replies = len(archive.replies(archive.run().id))
    archive.close()
    offered = [node for node in made if node.evidence and node.candidate.notes.get("model")]
    assert offered, "something that a model wrote was measured"
    assert {node.candidate.proposer for node in offered} == {name}
    assert {node.candidate.notes["model"] for node in offered} == {"weak"}

    again = quick_ratchet("replay", "--json")
    found = json.loads(again.stdout)
    assert (again.returncode, found["outcome"]) == (0, "REPRODUCED"), found
    assert found["same"] == found["states"] > len(made)
    assert found["replies"] == replies > 0
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in left
    assert KEY not in done.stdout + done.stderr + again.stdout + again.stderr


def test_the_weak_model_knows_every_form() -> None:
    assert {form for forms in FORMS.values() for form in forms if form} <= REPLIES.keys()
