"""Archives that somebody else made, or that are damaged: a sentence, code 3, and plain text."""

import json
import shutil
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from conftest import BOWL
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_ins.runs import start
from stand_ins.tweak import Tweak
from typer.testing import CliRunner

from ratchet.app.cli.main import app
from ratchet.archive import Archive, ArchiveError
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search
from ratchet.search.studies.report import report
from ratchet.tasks import load

VERBS: Sequence[Sequence[str]] = (
    ["runs"],
    ["tree", "test", "--all"],
    ["tree", "test", "--json"],
    ["show", "test.3"],
    ["diff", "test.0", "test.3"],
    ["rejudge", "test"],
    ["report", "test"],
    ["approve", "test"],
    ["replay", "test.3"],
    ["replay", "test"],
    ["resume", "test"],
    ["export", "test.3"],
)
DEEP = ("runs", "show", "rejudge", "report", "resume", "export")  # what reads most
ODD = "\x1b[31mRED\x1b]0;owned\x07\u202e\u200b[bold]"
STOPPED = "the sandbox would have been opened now"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, process_sandbox: Sandbox) -> Path:
    """An archive with two runs: `test`, which was searched and read, and the empty `whole`."""
    path = tmp_path_factory.mktemp("grown") / "a.db"
    run = start(path, process_sandbox, Tweak(), turns=5)
    for _ in search(run, lambda tree, turn: turn < 12):
        pass
    assert report(run.archive.run("test"), run.lab, run.archive) is not None
    run.archive.start_run("whole", load(BOWL), {"task": "bowl", "key": "k"})
    run.archive.close()
    with closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("PRAGMA journal_mode = DELETE")
    return path


@pytest.fixture(autouse=True)
def _no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **settings: object) -> None:
        raise ArchiveError(STOPPED)

    monkeypatch.setattr("ratchet.search.order.open_sandbox", refuse)


@contextmanager
def damaged(grown: Path, folder: Path, *statements: tuple[str, Sequence[object]]) -> Iterator[Path]:
    path = folder / "b.db"
    shutil.copy(grown, path)
    with closing(sqlite3.connect(path)) as db, db:
        for words, values in statements:
            db.execute(words, values)
    yield path
    path.unlink()


def read(words: Sequence[str], path: Path) -> tuple[str, BaseException | None]:
    """What a verb prints, and how it ends where that is not well; `main` turns it to a sentence."""
    to = ["--to", str(path.parent / "out")] if words[0] == "export" else []
    shutil.rmtree(path.parent / "out", ignore_errors=True)
    done = CliRunner().invoke(app, [*words, *to, "--archive", str(path)])
    assert is_text(done.output), (words, done.output)
    ended = (
        None
        if done.exit_code in (0, 3) and isinstance(done.exception, SystemExit)
        else (done.exception)
    )
    return done.output, ended


def is_text(drawn: str) -> bool:
    return all(c in "\n\t" or unicodedata.category(c)[0] != "C" for c in drawn)


def edited(grown: Path, table: str, where: str, change: Mapping[str, object]) -> str:
    """The JSON of a cell with some keys changed."""
    with closing(sqlite3.connect(grown)) as db:
        column = "config" if table == "runs" else "data"
        (text,) = db.execute(f"SELECT {column} FROM {table} WHERE {where}").fetchone()
    return json.dumps({**json.loads(text), **change})


def read_all(path: Path) -> None:
    with closing(Archive(path)) as archive:
        for name in ("test", "whole"):
            archive.run(name)
            archive.tree(name)
            archive.events(name)
            archive.task(name)


NODE = "UPDATE nodes SET data = ? WHERE run = 'test' AND number = 3"
RUN = "UPDATE runs SET config = ? WHERE id = 'test'"
TRIALS = "UPDATE trials SET data = ?"
DAMAGE: dict[str, tuple[str, object, str]] = {
    "node is no JSON": (NODE, "{", "node test.3 that cannot be read: it is no JSON"),
    "node is deep": (NODE, "[" * 20_000 + "]" * 20_000, "node test.3 .* nested too deeply"),
    "node is a number": (NODE, 3, "node test.3 that cannot be read"),
    "node is bytes": (NODE, b"\xff\xfe", "node test.3 that cannot be read: it is not UTF-8"),
    "node is a huge number": (NODE, "9" * 6000, "node test.3 that cannot be read"),
    "node is empty": (NODE, "{}", "node test.3 that cannot be read"),
    "node is a list": (NODE, "[]", "node test.3 that cannot be read"),
    "node is infinite": (NODE, '{"gain": 1e308}', "node test.3 .* 1e308 is beyond 1e.150"),
    "node is NaN": (NODE, '{"gain": NaN}', "node test.3 .* NaN is no number"),
    "half a pair": (NODE, '{"idea": "\\ud800"}', "node test.3 .* it is not UTF-8"),
    "node lost": ("DELETE FROM nodes WHERE number = ?", 0, "the start, node 0, is missing"),
    "files of a node": ("UPDATE nodes SET files = ?", '{"step.py": "x"}', "node test.0 .* files"),
    "blob missing": ("DELETE FROM blobs WHERE length(data) > ?", 0, "cannot be read"),
    "blob changed": ("UPDATE blobs SET data = ?", b"x = 1\n", "cannot be read"),
    "blob is a number": ("UPDATE blobs SET data = ?", 10**12, "cannot be read"),
    "config is empty": (RUN, "{}", r"run test \(its config\) .* task: Field required"),
    "config is text": (RUN, '"x"', "run test that cannot be read: config"),
    "config is cut": (RUN, '{"task": "bowl', "run test that cannot be read: it is no JSON"),
    "created is odd": ("UPDATE runs SET created = ? WHERE id = 'test'", ODD, "run test .* created"),
    "task lost": ("UPDATE runs SET files = ? WHERE id = 'test'", "{}", "no task.toml|test.*files"),
    "event is no JSON": ("UPDATE events SET data = ?", "{", "event . of run test .* no JSON"),
}


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_every_verb_names_the_damage_and_other_runs_stay_readable(
    grown: Path, tmp_path: Path, kind: str
) -> None:
    words, value, sentence = DAMAGE[kind]
    with damaged(grown, tmp_path, (words, [value])) as path:
        said = list[str]()
        for verb in VERBS:
            _, error = read(verb, path)
            assert error is None or isinstance(error, ArchiveError), (verb, error)
            said += [str(error)] if error else []
        named = [words for words in said if words != STOPPED]
        assert named
        assert all(str(path) in words and "\n" not in words for words in named)
        with pytest.raises(ArchiveError, match=sentence):
            read_all(path)
        if kind not in ("blob missing", "blob changed", "blob is a number"):
            output, error = read(["tree", "whole"], path)
            assert error is None
            assert "run whole" in output


CHANGES: dict[str, dict[str, object]] = {
    "parent of itself": {"parent": 3},
    "younger parent": {"parent": 4},
    "negative parent": {"parent": -1},
    "parent lost": {"parent": 77},
    "unknown key": {"colour": "red"},
    "unknown kind": {"kind": "emperor"},
    "negative number": {"number": -3},
    "another number": {"number": 2},
    "another run": {"run": "whole"},
    "negative trials": {"trials": -5},
    "huge turn": {"turn": 10**40},
    "text for a number": {"gain": "much"},
    "verdict": {"verdict": {"standing": "triumphant", "reason": ""}},
    "evidence": {"evidence": [{"stream": "confirm/3", "count": 10**9}]},
    "versus lost": {"evidence": [{"stream": "confirm/3", "count": 4, "versus": 99}]},
}


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_a_node_that_cannot_be_is_refused_by_name(grown: Path, tmp_path: Path, kind: str) -> None:
    text = edited(grown, "nodes", "run = 'test' AND number = 3", CHANGES[kind])
    with damaged(grown, tmp_path, (NODE, [text])) as path:
        for verb in [each for each in VERBS if each[0] not in ("runs", "approve")]:
            _, error = read(verb, path)
            assert isinstance(error, ArchiveError), (verb, error)
            if str(error) != STOPPED:
                assert "test.3" in str(error)
        output, _ = read(["runs"], path)
        assert "damaged" in output
        assert "whole" in output


def test_damaged_trials_and_environments_are_named_where_they_are_shown(
    grown: Path, tmp_path: Path
) -> None:
    for words, value in (
        (TRIALS, '{"score": "high"}'),
        (TRIALS, "[]"),
        ("UPDATE environments SET data = ?", "[1]"),
        ("UPDATE environments SET data = ?", '{"python": {}}'),
    ):
        with damaged(grown, tmp_path, (words, [value])) as path:
            for verb in (["show", "test.3"], ["export", "test.3"]):
                _, error = read(verb, path)
                assert isinstance(error, ArchiveError), (words, value, verb)
                assert "cannot be read" in str(error)


def test_odd_names_reach_no_terminal(grown: Path, tmp_path: Path) -> None:
    node = "run = 'test' AND number = {}"
    texts = {number: {"name": ODD, "environment": ODD} for number in (0, 1)}
    statements = [
        (
            f"UPDATE nodes SET data = ? WHERE {node.format(number)}",
            [edited(grown, "nodes", node.format(number), change)],
        )
        for number, change in texts.items()
    ]
    odd = edited(grown, "events", "kind = 'report'", {"baseline": ODD, "parent": ODD})
    statements.append(("UPDATE events SET data = ? WHERE kind = 'report'", [odd]))
    with damaged(grown, tmp_path, *statements) as path:
        for verb in (*VERBS, ["show", "test.0"], ["show", "test.1"]):
            read(verb, path)
        output, error = read(["tree", "test"], path)
        assert error is None
        assert "RED" in output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("UPDATE meta SET value = 'abc'", "a schema that cannot be read: abc is no version"),
        ("UPDATE meta SET value = NULL", "a schema that cannot be read"),
        ("UPDATE meta SET value = '-1'", "a schema that cannot be read"),
        ("DELETE FROM meta", "a schema that cannot be read"),
        ("DROP TABLE nodes", "lacks the table nodes"),
        ("DROP TABLE meta", "a schema that cannot be read|lacks the table meta"),
        ("ALTER TABLE runs DROP COLUMN created", "cannot be used: no such column"),
        ("ALTER TABLE trials RENAME TO other", "lacks the table trials"),
    ],
)
def test_a_database_of_another_shape_is_one_sentence(
    grown: Path, tmp_path: Path, words: str, sentence: str
) -> None:
    with damaged(grown, tmp_path, (words, [])) as path:
        for verb in VERBS:
            _, error = read(verb, path)
            assert isinstance(error, ArchiveError)
        with pytest.raises(ArchiveError, match=sentence):
            Archive(path).runs()


def test_a_view_in_place_of_a_table_is_refused_before_it_is_read(
    grown: Path, tmp_path: Path
) -> None:
    endless = (
        "CREATE VIEW runs AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, '' AS task, '{}' AS files, '' AS created, '{}' AS config FROM n"
    )
    with (
        damaged(grown, tmp_path, ("ALTER TABLE runs RENAME TO r", []), (endless, [])) as path,
        pytest.raises(ArchiveError, match="has no table runs, but a view"),
    ):
        Archive(path)


def test_two_nodes_of_one_number_are_refused(grown: Path, tmp_path: Path) -> None:
    copies: list[tuple[str, Sequence[object]]] = [
        ("CREATE TABLE n (run TEXT, number INTEGER, files TEXT, data TEXT)", []),
        ("INSERT INTO n SELECT * FROM nodes UNION ALL SELECT * FROM nodes", []),
        ("DROP TABLE nodes", []),
        ("ALTER TABLE n RENAME TO nodes", []),
    ]
    with (
        damaged(grown, tmp_path, *copies) as path,
        closing(Archive(path)) as archive,
        pytest.raises(ArchiveError, match="two of its nodes have the same number"),
    ):
        archive.tree("test")


CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.sampled_from(["{}", "[]", "null", "[" * 5000, '"\\ud800"', "1e999", "NaN", ODD, "9" * 5000]),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([ODD, -1, 0, 1, 2, 3, 4, 1e149, {}, [], "confirmed", "2"]),
)
COLUMNS = (
    *(("nodes", column) for column in ("data", "data", "data", "files", "number", "run")),
    *(("runs", column) for column in ("config", "config", "files", "id", "task", "created")),
    *(("events", column) for column in ("data", "data", "kind", "run", "time")),
    *(("trials", column) for column in ("data", "seed")),
    ("environments", "data"),
    ("blobs", "data"),
    ("meta", "value"),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_a_cell_holds_the_readers_end_in_text_or_a_sentence(
    grown: Path, tmp_path: Path, data: st.DataObject
) -> None:
    table, column = data.draw(st.sampled_from(COLUMNS))
    with closing(sqlite3.connect(grown)) as db:
        rows = db.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid").fetchall()
    row, cell = data.draw(st.sampled_from(rows))
    if column in ("data", "config", "files") and table != "blobs" and data.draw(st.integers(0, 3)):
        cell = json.dumps(changed(data, json.loads(cell)))
    else:
        cell = data.draw(CELLS)
    if isinstance(cell, str):
        cell = cell.encode(errors="surrogatepass").decode(errors="replace")
    words = f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?"
    try:
        with damaged(grown, tmp_path, (words, [cell, row])) as path:
            for verb in [each for each in VERBS if each[0] in DEEP]:
                _, error = read(verb, path)
                assert error is None or getattr(error, "exit_code", 1) in (2, 3), (verb, error)
    except sqlite3.IntegrityError:
        return  # the table itself refuses it


def changed(data: st.DataObject, value: object) -> object:
    """A JSON value with one change somewhere inside."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 7)):
        key = data.draw(st.sampled_from(sorted(value)))
        if not data.draw(st.integers(0, 7)):
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: changed(data, value[key])}
    if isinstance(value, list) and value and data.draw(st.integers(0, 7)):
        at = data.draw(st.integers(0, len(value) - 1))
        return [*value[:at], changed(data, value[at]), *value[at + 1 :]]
    return data.draw(LEAVES)
