"""Searches on a task whose candidates ask a language model: paid once, recorded, repeatable."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Ratchet
from stand_ins.model_server import Asked, ModelServer

from ratchet.archive import Archive


def counting(asked: Asked) -> str:
    """A model that says how many words it was asked, which is hardly ever right."""
    return f"The answer is {len(re.findall(r'[a-z]+', asked.messages[-1][1])) % 40}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer(counting) as found:
        monkeypatch.setenv("OPENAI_BASE_URL", found.url)
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        yield found


def small(folder: Path) -> str:
    """The task without its baselines, which would have to be paid for."""
    source = Path(__file__).parent.parent / "tasks/agent_system"
    shutil.copytree(source, folder / "quiz", ignore=shutil.ignore_patterns("baselines", "__py*"))
    return str(folder / "quiz")


@pytest.mark.slow
def test_what_candidates_ask_is_recorded_and_a_node_is_measured_again_without_the_server(
    tmp_path: Path, quick_ratchet: Ratchet, server: ModelServer
) -> None:
    words = ["search", small(tmp_path), "--agent", "seed_only", "--turns", "1", "--seed", "1"]
    done = quick_ratchet(*words, "--model", "counter", "--standard", "explore", timeout=280)
    assert done.returncode == 4, done.stdout + done.stderr  # a changed comment is nothing new
    archive = Archive(tmp_path / ".ratchet/archive.db")
    held = archive.replies(archive.run().id, "trial/")
    archive.close()
    assert len(held) > 100
    assert len(server.asked) == len(held), "every question was asked once"
    assert "spent: " in done.stdout
    asked = len(server.asked)
    server.__exit__(None, None, None)
    node = json.loads(quick_ratchet("replay", "0", "--json", timeout=200).stdout)
    assert node["outcome"] == "REPRODUCED"
    assert node["differences"] == []
    run = json.loads(quick_ratchet("replay", "--json", timeout=200).stdout)
    assert run["outcome"] == "REPRODUCED"
    assert len(server.asked) == asked


def test_a_task_that_asks_a_model_says_so_where_none_is_named(
    quick_ratchet: Ratchet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "RATCHET_MODEL"):
        monkeypatch.delenv(name, raising=False)
    for verb in ("search", "calibrate"):
        done = quick_ratchet(verb, "agent_system")
        assert done.returncode == 2
        assert "it asks a language model, and none is named" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
