"""Where an archive is: odd paths name that very file, and no password is ever printed."""

import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from conftest import BOWL, UNISOLATED, Ratchet, environment
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.runs import node

from ratchet.app.cli.run import archive_option
from ratchet.archive import Archive, ArchiveError
from ratchet.archive.place import Place
from ratchet.tasks import load

HOLD = """
import sys, time
from ratchet.archive import Archive
with Archive(sys.argv[1]).hold("r"):
    print("held", flush=True)
    time.sleep(60)
"""
NAMES = [
    "a?b.db",
    "a?mode=ro.db",
    "a%20b.db",
    "a#b.db",
    "my runs/süß 学.db",
    "file:a.db",
    ":memory:",
    "a'b\"c;d.db",
    "[a]*.db",
]


def begun(where: str | Path, run: str = "r") -> Archive:
    archive = Archive(where, create=True)
    archive.start_run(run, load(BOWL), {"task": "bowl", "key": "k"})
    return archive


@pytest.mark.parametrize("name", NAMES)
def test_a_path_names_that_very_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(begun(name)) as archive:
        assert Path(name).stat().st_size
        with archive.hold("r"):
            assert Path(f"{name}.r.lock").exists()
    with closing(Archive(tmp_path / name)) as again:
        assert again.run().id == "r"
    top = {path.name for path in tmp_path.iterdir()}
    assert {each.split(".db")[0] for each in top} == {Path(name).parts[0].split(".db")[0]}


def test_a_url_of_a_file_begins_an_archive_and_reading_does_not(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/fresh.db"
    with pytest.raises(ArchiveError, match="no archive at sqlite:"):
        Archive(url)
    assert not (tmp_path / "fresh.db").exists()
    assert not Archive.exists(url)
    begun(url).close()
    with closing(Archive(tmp_path / "fresh.db")) as archive:
        assert archive.run().id == "r"


def test_an_empty_file_is_no_archive_yet_and_may_become_one(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    with pytest.raises(ArchiveError, match="no archive at"):
        Archive(tmp_path / "a.db")
    assert not Archive.exists(tmp_path / "a.db")
    begun(tmp_path / "a.db").close()
    assert Archive.exists(tmp_path / "a.db")


@pytest.mark.parametrize("kind", ["path", "url"])
def test_one_process_holds_a_run_and_a_killed_one_lets_go(tmp_path: Path, kind: str) -> None:
    begun(tmp_path / "a.db").close()
    where = f"sqlite:///{tmp_path}/a.db" if kind == "url" else str(tmp_path / "a.db")
    words = [sys.executable, "-c", HOLD, where]
    other = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        for name in (where, str(tmp_path / "a.db")):
            with (
                closing(Archive(name)) as archive,
                pytest.raises(ArchiveError, match="is being grown by another process"),
                archive.hold("r"),
            ):
                pass
    finally:
        other.kill()
        other.communicate()
    with closing(Archive(where)) as archive, archive.hold("r"):
        pass


def test_a_state_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(begun(tmp_path / "a.db")) as archive:
        first = archive.add(node(0, 0.0))
        other = first.candidate.model_copy(update={"files": {"step.py": "x = 1\n"}})
        with pytest.raises(ArchiveError, match="another process grows it too"):
            archive.add(first.model_copy(update={"candidate": other, "turn": 1}))
        archive.add(first.model_copy(update={"turn": 1}))
        with pytest.raises(ArchiveError, match="another process grows it too"):
            archive.add(first.model_copy(update={"turn": 1}))
        assert [state.turn for state in archive.states("r")] == [0, 1]


def test_first_runs_may_race_to_make_the_tables(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = [f"r{number}" for number in range(8)]
        for archive in pool.map(lambda name: begun(tmp_path / "a.db", name), names):
            archive.close()
    with closing(Archive(tmp_path / "a.db")) as archive:
        assert len(archive.runs()) == 8


def test_the_last_made_run_is_the_newest_whatever_the_clock_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(begun(tmp_path / "a.db", "z")) as archive:
        monkeypatch.setattr("ratchet.archive.runs.now", lambda: "2001-01-01T00:00:00.000+00:00")
        archive.start_run("a", load(BOWL), {"task": "bowl", "key": "k"})
        archive.start_run("c", load(BOWL), {"task": "bowl", "key": "k", "control_of": "a"})
        assert archive.run().id == "a"
        assert [row.id for row in archive.runs()] == ["z", "a", "c"]


def test_an_old_archive_is_read_without_a_change_to_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    begun(path).close()
    with closing(sqlite3.connect(path)) as db:
        for table in ("replies", "states", "calibrations"):
            db.execute(f"DROP TABLE {table}")
        db.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    with closing(Archive(path)) as archive:
        assert archive.replies("r") == []
        assert len(archive.tree("r")) == 0
        assert archive.calibration("t", "e") is None
    assert path.read_bytes() == before
    with closing(Archive(path)) as archive:
        archive.add(node(0, 0.0))
        archive.add(node(0, 0.0).model_copy(update={"turn": 1}))
        assert len(archive.states("r")) == 2


def test_a_file_that_cannot_be_written_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    begun(folder / "a?b.db").close()
    as_root = os.geteuid() == 0
    if as_root:
        if shutil.which("mount") is None:
            pytest.skip("needs mount to make a directory that root cannot write")
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
    else:
        folder.chmod(0o500)
    try:
        with closing(Archive(folder / "a?b.db")) as archive:
            assert archive.run().id == "r"
            with pytest.raises(ArchiveError, match="readonly"):
                archive.log("r", "x", {})
    finally:
        if as_root:
            subprocess.run(["umount", folder], check=True)
        else:
            folder.chmod(0o700)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("foo://bar", "kept in SQLite or PostgreSQL, not in foo"),
        ("mysql://bob:hunter2@h/d", "kept in SQLite or PostgreSQL, not in mysql"),
        ("postgresql+asyncpg://bob:hunter2@h/d", "not in postgresql.asyncpg"),
        ("://", "no URL that can be read"),
        ("postgresql://bob:hunter2@h:port/d", "no URL that can be read"),
        ("postgresql://bob:hun@ter2@h/d", "no URL that can be read"),
        ("postgresql://bob:h@hunter2/x@h/d", "no URL that can be read"),
        ("sqlite://", "a SQLite archive is a file"),
        ("sqlite:///:memory:", "a SQLite archive is a file"),
        ("sqlite:///a.db?mode=ro&password=hunter2", "a SQLite archive is a file"),
        ("", "--archive is empty"),
        ("a\0b", "NUL"),
    ],
)
def test_what_names_no_archive_is_one_sentence_without_a_password(
    where: str, sentence: str
) -> None:
    with pytest.raises(ArchiveError, match=sentence) as caught:
        Archive(where)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_missing_driver_is_named_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ArchiveError, match=r"pip install 'ratchet\[postgres\]'"):
        Archive("postgresql://bob:hunter2@127.0.0.1:1/d")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=4, max_size=20))
def test_no_form_of_a_password_is_shown(secret: str) -> None:
    from urllib.parse import quote, quote_plus

    secret = f"hunter2{secret}"
    for url in (
        f"postgresql://bob:{quote(secret, safe='')}@h:5/d?application_name=x",
        f"postgresql://h/d?user=bob&password={quote_plus(secret)}",
        f"postgresql://h/d?sslpassword={quote_plus(secret)}&sslmode=require",
    ):
        place = Place.of(url)
        assert place.secret
        assert "hunter2" not in place.shown
        assert "***" in place.shown
        for form in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret)):
            assert "hunter2" not in place.scrubbed(f"cannot log {form} in")


def test_a_url_without_a_secret_is_shown_as_it_was_given() -> None:
    assert Place.of("postgresql://bob@h/d?sslmode=require").shown == (
        "postgresql://bob@h/d?sslmode=require"
    )
    assert Place.of("a b.db").shown == "a b.db"


def test_commands_to_go_on_with_find_the_archive_and_hold_no_password(tmp_path: Path) -> None:
    with closing(begun(tmp_path / "a b.db")) as archive:
        assert archive_option(archive) == f" --archive '{tmp_path}/a b.db'"
        archive.place = Place.of("postgresql://bob:hunter2@h/d")
        assert archive_option(archive) == ' --archive "$RATCHET_ARCHIVE"'


def test_the_command_line_finds_an_odd_path_again(tmp_path: Path, ratchet: Ratchet) -> None:
    words = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, "--turns", "1"]
    done = ratchet(*words, "--archive", "a?b%20c.db")
    assert done.returncode == 0, done.stderr
    assert ratchet("tree", "--archive", "a?b%20c.db").returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a?b%20c.db"}
