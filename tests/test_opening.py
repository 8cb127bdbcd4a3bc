"""Agents are opened by name, and what they declare of themselves is read once and checked."""

import json
from pathlib import Path

import pytest
from conftest import Ratchet

from ratchet.agents.base import AgentError, Brief
from ratchet.agents.opening import ATTEMPTS, REQUESTS, declared, listings, names, open_agent
from ratchet.evals import Candidate

MODULES = ["base", "opening", "bandit", "archived", "evolve", "research", "llm", "conformance"]


class Plain:
    """Declares nothing."""

    def propose(self, brief: Brief) -> Candidate:
        return brief.parent.candidate


def agent(**attributes: object) -> Plain:
    plain = Plain()
    vars(plain).update(attributes)
    return plain


def test_an_agent_that_declares_nothing_gets_the_defaults() -> None:
    opened = declared(agent(), "mylab.idea")
    assert (opened.name, opened.select) == ("mylab.idea", "lead")
    assert (opened.attempts, opened.needs_model, opened.requests) == (ATTEMPTS, False, 0)


def test_what_an_agent_declares_is_kept() -> None:
    own = agent(name="idea", select="best", attempts=2, needs_model=True, requests=5)
    opened = declared(own, "mylab.idea")
    assert opened.agent is own
    assert (opened.name, opened.select, opened.attempts) == ("idea", "best", 2)
    assert (opened.needs_model, opened.requests) == (True, 5)
    assert declared(agent(needs_model=True), "mylab.idea").requests == REQUESTS


@pytest.mark.parametrize(
    ("attribute", "value", "mend"),
    [
        ("attempts", 0, "attempts is 0: say a whole number of at least 1"),
        ("attempts", True, "attempts is True: say a whole number"),
        ("requests", 1.5, "requests is 1.5: say a whole number of at least 0"),
        ("needs_model", "yes", "needs_model is 'yes': say True or False"),
        ("tune", 1.5, "tune is 1.5: say a number from 0 to 1"),
        ("tune", True, "tune is True: say a number from 0 to 1"),
        ("select", "by gut feeling", "say the name of a selection policy, such as dgm"),
        ("name", "a\nb", "say one line of text"),
    ],
)
def test_a_declaration_of_the_wrong_kind_is_refused_with_its_mend(
    attribute: str, value: object, mend: str
) -> None:
    with pytest.raises(AgentError, match=r"agent mylab\.idea: ") as error:
        declared(agent(**{attribute: value}), "mylab.idea")
    assert mend in str(error.value)


def test_a_declaration_that_cannot_be_read_is_refused() -> None:
    class Broken(Plain):
        @property
        def attempts(self) -> int:
            raise ValueError("boom")

    with pytest.raises(AgentError, match="the agent's attempts raised ValueError: boom"):
        declared(Broken(), "mylab.idea")


@pytest.mark.parametrize("name", ["nosuch", *MODULES, "", "../evolver", "no.such.module"])
def test_a_name_that_is_no_agents_is_answered_with_all_that_there_are(name: str) -> None:
    with pytest.raises(AgentError) as error:
        open_agent(name)
    assert str(error.value).startswith(f"no agent named {name!r}: use one of ")
    assert all(agent_name in str(error.value) for agent_name in names())
    assert "RUN.NUMBER, or a module with create()" in str(error.value)


def test_a_misspelt_name_is_answered_with_the_one_that_was_meant_first() -> None:
    with pytest.raises(AgentError, match="use one of toolsmith, adas, aide"):
        open_agent("toolsmit")


def test_a_node_without_an_archive_is_refused() -> None:
    with pytest.raises(AgentError, match=r"no archive to take agent abcd\.12 from"):
        open_agent("abcd.12")


def test_a_module_that_lacks_a_package_is_no_unknown_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "idea.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(AgentError, match=r"cannot be imported: .*no_such_package"):
        open_agent("lacking.idea")


def test_every_built_in_agent_is_listed_with_a_line_of_its_own() -> None:
    assert [listing.agent.name for listing in listings()] == names()
    lines = [listing.description for listing in listings()]
    assert len(set(lines)) == len(lines)
    assert all(text.endswith((".", ":")) and len(text) < 100 for text in lines)
    free = {listing.agent.name for listing in listings() if not listing.agent.needs_model}
    assert free == {"best_of_n", "evolver", "itself", "random_tweak", "seed_only"}


def test_the_command_lists_the_agents(ratchet: Ratchet) -> None:
    rows = json.loads(ratchet("agents", "--json").stdout)
    assert [row["agent"] for row in rows] == names()
    aide = next(row for row in rows if row["agent"] == "aide")
    assert aide["description"].startswith("AIDE")
    del aide["description"]
    assert aide == {
        "agent": "aide",
        "needs_model": True,
        "select": "aide",
        "attempts": 2,
        "tune": 0.0,
        "requests": 1,
    }
    table = ratchet("agents")
    assert table.returncode == 0, table.stderr
    assert all(name in table.stdout for name in names())
