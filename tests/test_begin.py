"""A run is begun and taken up by a program: nothing is printed, and nothing is left half done."""

from pathlib import Path

import pytest
from conftest import BOWL, SECRET

from ratchet.agents.base import AgentError
from ratchet.agents.evolve.learned import Document, Learned
from ratchet.archive import Archive
from ratchet.search.begin import begin, reopen, take_up
from ratchet.search.order import Chance, Extension, Order, SandboxChange, SandboxChoice
from ratchet.search.run import Config
from ratchet.tasks import load

CHOICE = SandboxChoice("process", 2, accept_unisolated=True)
CHANGE = SandboxChange(accept_unisolated=True)
ORDER = Order(BOWL, "stand_ins.tweak", turns=2, chance=Chance(1, SECRET))


def kinds(archive: Archive, run_id: str) -> list[str]:
    return [event["data"]["reason"] for event in archive.events(run_id, "stopped")]


def test_a_program_begins_a_run_and_takes_it_up_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    where, messages, warnings = str(tmp_path / "a.db"), list[str](), list[str]()
    taught = Learned(edit={"constant": {"start": (1.0, 2)}})
    paid = tmp_path / "a.db.learned.toml"
    paid.write_text(Document(format=1, tasks={"bowl": taught}).text)
    with begin(ORDER, CHOICE, where, messages.append, warnings.append) as session:
        states = list(session.nodes())
        run_id = session.run.id
    assert session.reason == "all 2 proposals of --turns are made"
    assert session.seconds > 0
    assert messages[0].startswith("trust: counted: steps and data are counted")
    assert messages[1] == f"{paid}: the search begins with what earlier runs taught"
    assert messages[2] == "warming the process sandbox up ..."
    assert len(warnings) == 1, "what a sandbox does not isolate is said once"
    paid.unlink()
    archive = Archive(where)
    assert Config.of(archive.run(run_id)).learned == taught, "a run keeps what it began with"
    more = Extension(turns=4)
    with take_up(archive, run_id, more, CHANGE, messages.append, warnings.append) as session:
        states += session.nodes()
    assert states == archive.states(run_id)
    assert sum(node.verdict is not None for node in archive.tree(run_id)) == 4
    assert kinds(archive, run_id) == [
        f"all {count} proposals of --turns are made" for count in (2, 4)
    ]
    assert capfd.readouterr() == ("", ""), "only whoever calls prints"


def test_a_search_that_is_stopped_settles_nothing_more_and_can_be_taken_up(tmp_path: Path) -> None:
    where = str(tmp_path / "a.db")
    endless = ORDER._replace(turns=None, minutes=10.0)
    with begin(endless, CHOICE, where, str) as session:
        for node in session.nodes():
            if node.verdict is not None:
                session.stop()
    assert session.reason == "asked to"
    with begin(endless, CHOICE, where, str) as left:
        next(left.nodes())
    archive = Archive(where)
    assert kinds(archive, left.run.id) == ["asked to"], "leaving the block ends a session"
    before = len(archive.states(left.run.id))
    with take_up(archive, left.run.id, Extension(turns=1), CHANGE, str) as again:
        assert len(list(again.nodes())) > 0
    assert len(archive.states(left.run.id)) > before


def test_an_order_that_cannot_be_met_leaves_no_archive(tmp_path: Path) -> None:
    where = tmp_path / "a.db"
    with (
        pytest.raises(AgentError, match="no selection policy 'nosuch': use one of lead, "),
        begin(ORDER._replace(select="nosuch"), CHOICE, str(where), str),
    ):
        pass
    assert not where.exists()


def test_a_run_of_a_policy_that_is_not_there_is_not_measured_under_another(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    config = Config(task="bowl", agent="seed_only", select="gone", key="1" * 32, secret=SECRET)
    archive.start_run("test", load(BOWL), config.model_dump(mode="json"))
    with (
        pytest.raises(AgentError, match="no selection policy 'gone'"),
        reopen(archive, "test", CHANGE, str),
    ):
        pass
