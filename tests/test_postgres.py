"""Archives in PostgreSQL: begun, held by one writer, shared, and distrusted like any other."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from conftest import BOWL, SECRET, UNISOLATED, Ratchet, command, environment
from stand_ins import postgres
from stand_ins.runs import TREE, node

from ratchet.archive import Archive, ArchiveError
from ratchet.archive.tables import TABLES
from ratchet.evals import Seed, Trial
from ratchet.tasks import load

pytestmark = pytest.mark.postgres

WORDS = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED]
WORDS += ["--seed", "1", "--secret", SECRET]
HOLD = """
import sys, time
from ratchet.archive import Archive
with Archive(sys.argv[1]).hold("r"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    try:
        with postgres.serving() as running:
            yield running
    except postgres.NoServer as why:
        pytest.skip(str(why))


@pytest.fixture
def url(server: postgres.Server) -> str:
    return str(server.fresh())


@pytest.fixture
def archive(url: str) -> Iterator[Archive]:
    with closing(Archive(url, create=True)) as made:
        made.start_run("r", load(BOWL), {"task": "bowl", "key": "k"})
        yield made


def database(url: str) -> str:
    return url.rpartition("/")[2]


def no_secret(server: postgres.Server, url: str, *texts: str) -> bool:
    secrets = (server.password, url.split("@")[0].rpartition(":")[2])
    return not any(secret in text for secret in secrets for text in texts)


@pytest.mark.slow
def test_a_search_on_a_fresh_database_is_killed_resumed_read_and_replayed(
    server: postgres.Server, url: str, ratchet: Ratchet, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = ["--archive", url]
    folder = tmp_path_factory.mktemp("killed")
    first = subprocess.Popen(
        command(*WORDS, "--turns", "40", *elsewhere),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        grown = "SELECT count(*) FROM nodes"
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline:
            if _tables(server, url) and int(str(server.sql(grown, database(url))[0][0])) > 3:
                break
            time.sleep(0.05)
        second = ratchet("resume", *elsewhere, *UNISOLATED[2:])
        assert second.returncode == 3, second.stdout
        assert "is being grown by another process" in second.stderr
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        said, _ = first.communicate()
    done = ratchet("resume", "--turns", "6", *elsewhere, *UNISOLATED[2:])
    assert done.returncode == 0, done.stderr
    assert '--archive "$RATCHET_ARCHIVE"' in done.stdout
    texts = [said, second.stderr, done.stdout, done.stderr]
    for words in (["tree", "--all"], ["show", "1"], ["runs"], ["rejudge"], ["approve"]):
        read = ratchet(*words, *elsewhere)
        assert read.returncode == 0, read.stderr
        texts += [read.stdout, read.stderr]
    again = ratchet("replay", "1", *elsewhere, *UNISOLATED)
    assert "REPRODUCED" in again.stdout, again.stderr
    assert no_secret(server, url, *texts, again.stdout, again.stderr)


def _tables(server: postgres.Server, url: str) -> bool:
    return bool(server.sql("SELECT to_regclass('nodes')", database(url))[0][0])


def test_what_is_added_comes_back_equal(archive: Archive) -> None:
    for each in TREE:
        archive.add(each)
    archive.add_trials("e", "t", "c", "dev", [_trial(1, 0.5)])
    archive.add_trials("e", "t", "c", "dev", [_trial(1, 0.7), _trial(2**63 - 1, 0.9)])
    assert list(archive.tree("r")) == list(TREE)
    assert archive.task("r").files == load(BOWL).files
    seeds = [_trial(i, 0).seed for i in (1, 2**63 - 1)]
    held = archive.trials("e", "t", "c", "dev", seeds)
    assert [trial.score for trial in held.values()] == [0.5, 0.9]


def test_a_state_of_another_program_is_refused_and_spoils_nothing(archive: Archive) -> None:
    archive.add(node(0, 0.0))
    theirs = node(0, 0.0)
    other = theirs.candidate.model_copy(update={"files": {"step.py": "x = 1\n"}})
    with pytest.raises(ArchiveError, match="another process grows it too"):
        archive.add(theirs.model_copy(update={"candidate": other, "turn": 1}))
    archive.add(theirs.model_copy(update={"turn": 1}))
    with pytest.raises(ArchiveError, match="another process grows it too"):
        archive.add(theirs.model_copy(update={"turn": 1}))
    archive.log("r", "after", {})
    assert [state.turn for state in archive.states("r")] == [0, 1]


def test_one_process_holds_a_run_and_a_killed_one_lets_go(url: str, archive: Archive) -> None:
    words = [sys.executable, "-c", HOLD, url]
    other = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ArchiveError, match="being grown by another"), archive.hold("r"):
            pass
        with archive.hold("another"):
            pass
    finally:
        other.kill()
        other.communicate()
    deadline = time.monotonic() + 20
    while True:
        try:
            with archive.hold("r"):
                return
        except ArchiveError:
            assert time.monotonic() < deadline, "the lock outlived its holder"
            time.sleep(0.1)


def test_first_runs_may_race_to_make_the_tables(url: str) -> None:
    def begin(number: int) -> None:
        with closing(Archive(url, create=True)) as made:
            made.start_run(f"r{number}", load(BOWL), {"task": "bowl"})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(begin, range(6)))
    with closing(Archive(url)) as read:
        assert len(read.runs()) == 6


def test_reading_an_empty_database_says_so_and_makes_nothing(
    server: postgres.Server, url: str
) -> None:
    with pytest.raises(ArchiveError, match="no archive at postgresql://ratchet:"):
        Archive(url)
    assert not Archive.exists(url)
    assert not _tables(server, url)


def test_the_last_made_run_is_the_newest_whatever_the_clock_said(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ratchet.archive.runs.now", lambda: "2001-01-01T00:00:00.000+00:00")
    archive.start_run("a", load(BOWL), {"task": "bowl"})
    assert archive.run().id == "a"


@pytest.mark.parametrize("table", sorted(TABLES.tables))
def test_no_row_can_be_changed(server: postgres.Server, archive: Archive, table: str) -> None:
    for words in ("UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
        column = TABLES.tables[table].columns.keys()[0]
        with pytest.raises(Exception, match="append-only"):
            server.sql(words.format(table, column, column), database(archive.where))


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        ("UPDATE runs SET config = '{}' WHERE id = 'r'", "run r .* task: Field required"),
        (
            "UPDATE runs SET config = (repeat('[', 3000) || repeat(']', 3000))::json "
            "WHERE id = 'r'",
            "run r that cannot be read: it is nested too deeply",
        ),
        ("UPDATE runs SET files = '[]' WHERE id = 'r'", "run r that cannot be read: files"),
        ("UPDATE nodes SET data = '{}' WHERE number = 2", "node r.2 that cannot be read"),
        ("UPDATE nodes SET data = '3' WHERE number = 2", "node r.2 that cannot be read"),
        ("DELETE FROM nodes WHERE number = 1", "node r.2 .* its parent 1"),
    ],
)
def test_a_damaged_row_is_named_and_other_runs_stay_readable(
    server: postgres.Server, archive: Archive, damage: str, cause: str
) -> None:
    for each in TREE:
        archive.add(each)
    archive.start_run("whole", load(BOWL), {"task": "bowl"})
    name = database(archive.where)
    for table in ("runs", "nodes"):
        server.sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL", name)
    server.sql(damage, name)
    with pytest.raises(ArchiveError, match=cause):
        archive.tree(archive.run("r").id)
    assert len(archive.tree(archive.run("whole").id)) == 0


def test_odd_text_and_large_files_are_kept_and_an_error_spoils_no_later_write(
    archive: Archive,
) -> None:
    archive.log("r", "odd", {"text": "\0 \x1b[31m \u202e 学 \U0001f600"})
    with pytest.raises(ArchiveError, match="no JSON can hold"):
        archive.log("r", "odd", {"score": float("nan")})
    with pytest.raises(ArchiveError, match="cannot be used"):
        archive.log("no such run", "odd", {})
    large = "# " + "x" * 5_000_000 + "\n"
    candidate = node(0, 0.0).candidate.model_copy(update={"files": {"step.py": large}})
    archive.add(node(0, 0.0).model_copy(update={"candidate": candidate}))
    assert archive.tree("r")[0].candidate.files == {"step.py": large}
    (event,) = archive.events("r", "odd")
    assert event["data"]["text"] == "\0 \x1b[31m \u202e 学 \U0001f600"


def test_two_processes_share_an_archive(url: str, archive: Archive) -> None:
    def write(number: int) -> None:
        with closing(Archive(url)) as other:
            for seed in range(20):
                other.add_trials("e", "t", "c", "dev", [_trial(seed, 0.5)])
                other.log("r", "at", {"number": number})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    seeds = [_trial(seed, 0).seed for seed in range(20)]
    assert len(archive.trials("e", "t", "c", "dev", seeds)) == 20
    assert len(archive.events("r", "at")) == 80


def test_a_wrong_password_and_a_lost_server_are_sentences_without_the_password(
    server: postgres.Server, url: str
) -> None:
    secret = url.split("@")[0].rpartition(":")[2]
    wrong = url.replace(secret, "hunter2%40secret")
    nowhere = url.replace(f":{server.port}/", ":1/")
    for place in (wrong, nowhere, f"{wrong}?application_name=x&sslpassword=hunter2"):
        with pytest.raises(ArchiveError, match="cannot be used") as caught:
            Archive(place)
        assert "hunter2" not in str(caught.value)
        assert no_secret(server, url, str(caught.value))
        assert "\n" not in str(caught.value)


def _trial(seed: int, score: float) -> Trial:
    return Trial(seed=Seed(train=seed, sealed=seed), status="ok", score=score)
