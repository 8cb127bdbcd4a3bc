"""The archive: append-only, and unharmed by whatever happens to it."""

import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from conftest import BOWL, UNISOLATED, Ratchet, environment
from stand_ins.runs import TREE, node

from ratchet.archive import Archive, ArchiveError
from ratchet.archive.tables import TABLES
from ratchet.evals import Seed, Trial
from ratchet.search.run import Config
from ratchet.tasks import load

WORDS = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, "--seed", "1"]

SMALL = """
from ratchet.app.cli.main import main
from ratchet.archive import engine
usual = engine._pragmas
def small(connection, record):
    usual(connection, record)
    connection.execute("PRAGMA max_page_count = {}")
engine._pragmas = small
main()
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    made = Archive(tmp_path / "a.db", create=True)
    made.start_run("r", load(BOWL), {"task": "bowl"})
    return made


def trial(seed: int, score: float) -> Trial:
    return Trial(seed=Seed(train=seed, sealed=seed), status="ok", score=score)


def test_what_is_added_comes_back_equal(archive: Archive) -> None:
    for each in TREE:
        archive.add(each)
    assert list(archive.tree("r")) == list(TREE)
    assert archive.node("2") == TREE[2]
    assert archive.node("r.2") == TREE[2]
    assert archive.task("r").files == load(BOWL).files


def test_equal_programs_are_kept_once(archive: Archive) -> None:
    before = _rows(archive, "blobs")
    for each in TREE:
        archive.add(each)
    assert _rows(archive, "blobs") == before + 1


def test_a_finished_trial_is_never_replaced(archive: Archive) -> None:
    archive.add_trials("e", "t", "c", "dev", [trial(1, 0.5)])
    archive.add_trials("e", "t", "c", "dev", [trial(1, 0.7), trial(2, 0.9)])
    held = archive.trials("e", "t", "c", "dev", [trial(i, 0).seed for i in (1, 2, 3)])
    assert [found.score for found in held.values()] == [0.5, 0.9]


def test_two_writers_may_finish_the_same_trial_at_once(archive: Archive) -> None:
    def write(number: int) -> None:
        other = Archive(archive.where)
        for seed in range(40):
            other.add_trials("e", "t", "c", "dev", [trial(seed, 0.5)])
        other.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert _rows(archive, "trials") == 40


@pytest.mark.parametrize("table", sorted(TABLES.tables))
@pytest.mark.parametrize("change", ["DELETE FROM {}", "UPDATE {} SET rowid = rowid"])
def test_no_row_can_be_changed_or_deleted(archive: Archive, table: str, change: str) -> None:
    archive.add(node(0, 1.0))
    archive.add(node(0, 1.0).model_copy(update={"turn": 1}))
    archive.add_trials("e", "t", "c", "dev", [trial(1, 0.5)])
    archive.add_environment({"python": "3"})
    archive.log("r", "started", {})
    archive.add_reply("r", "7.0/diagnose", "d", 0, {})
    with sqlite3.connect(archive.where) as db:
        db.execute("INSERT INTO calibrations VALUES (1, 't', 'e', 'now', '{}')")
    with sqlite3.connect(archive.where) as db, pytest.raises(sqlite3.Error, match="append-only"):
        db.execute(change.format(table))


def test_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Archive(path, create=True).close()
    with sqlite3.connect(path) as db:
        db.executescript("DROP TRIGGER no_update_meta; UPDATE meta SET value = '99'")
    with pytest.raises(ArchiveError, match="schema 99, this Ratchet reads up to 4: upgrade"):
        Archive(path)


@pytest.mark.parametrize("damage", ["garbage", "cut"])
def test_a_corrupt_database_is_one_clear_sentence(
    tmp_path: Path, ratchet: Ratchet, damage: str
) -> None:
    path = tmp_path / "a.db"
    Archive(path, create=True).close()
    data = path.read_bytes()
    path.write_bytes(b"not a database " * 400 if damage == "garbage" else data[: len(data) // 2])
    done = ratchet("tree", "--archive", str(path))
    assert done.returncode == 3
    assert done.stderr.startswith(f"error: the archive {path} cannot be used: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_full_disk_stops_the_search_and_loses_nothing(tmp_path: Path, ratchet: Ratchet) -> None:
    """A cap on the pages of the database stands in for the full disk: SQLite fails alike."""
    assert ratchet(*WORDS, "--turns", "2").returncode == 0
    path = tmp_path / ".ratchet/archive.db"
    archive = Archive(path)
    before = list(archive.tree(archive.run().id))
    archive.close()
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    pages = path.stat().st_size // 4096 + 25
    full = subprocess.run(
        [sys.executable, "-c", SMALL.format(pages), "resume", "--turns", "400", *UNISOLATED],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert full.returncode == 3, full.stderr
    assert "cannot be used: " in full.stderr.splitlines()[-1], full.stderr
    assert "Traceback" not in full.stderr
    after = Archive(path)
    nodes = list(after.tree(after.run().id))
    assert nodes[: len(before)] == before
    more = len(nodes) - 2 + 3
    assert ratchet("resume", "--turns", str(more), *UNISOLATED).returncode == 0
    assert len(Archive(path).tree(after.run().id)) == more + 2


def test_a_read_only_archive_is_one_clear_sentence(tmp_path: Path, ratchet: Ratchet) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    if os.geteuid() == 0:  # root may write anywhere but on a file system mounted read-only
        if shutil.which("mount") is None:
            pytest.skip("needs mount to make a directory that root cannot write")
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", folder], check=True)
    else:
        folder.chmod(0o500)
    try:
        done = ratchet(*WORDS, "--turns", "1", "--archive", str(folder / "a.db"))
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", folder], check=True)
    assert done.returncode == 3
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"error: the archive {folder / 'a.db'} cannot be used: ")


def _rows(archive: Archive, table: str) -> int:
    with sa.create_engine(f"sqlite:///{archive.where}").connect() as db:
        return int(
            db.execute(sa.select(sa.func.count()).select_from(TABLES.tables[table])).scalar_one()
        )


def test_the_archive_is_read_without_torch_or_docker() -> None:
    code = (
        "import sys, ratchet.archive; "
        "print(sorted({'torch', 'docker', 'scipy', 'libcst'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_of_the_first_version_reads_as_one_of_today(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    rule = {"alpha": 0.1, "futile_e": 0.5}  # once every rule controlled the false discovery rate
    archive.start_run("old", load(BOWL), {"task": "bowl", "isolation": "strict", "rule": rule})
    record = archive.run("old")
    assert (record.agent, record.select, record.seed, record.data) == ("evolver", "dgm", None, 0)
    assert (record.strict, record.rule.control, record.rule.alpha) == (True, "fdr", 0.1)
    config = Config.of(record)
    assert (config.sharing, config.rule, config.keys) == ("strict", record.rule, record.keys)


def test_a_configuration_that_is_none_is_refused_in_one_sentence(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "a.db", create=True)
    archive.start_run("r", load(BOWL), {"task": "bowl", "lag": -1})
    archive.start_run("s", load(BOWL), {"task": "bowl", "data": -1})
    with pytest.raises(ArchiveError, match=r"run r \(its config\) that cannot be read: lag: "):
        Config.of(archive.run("r"))
    assert [record.id for record in archive.runs()] == ["r"]
    with pytest.raises(ArchiveError, match=r"run s \(its config\) that cannot be read: data: "):
        archive.run("s")
