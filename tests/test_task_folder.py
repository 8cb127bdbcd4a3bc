"""Task folders that somebody else made: what is wrong with one is a sentence and exit code 2."""

import os
import shutil
import unicodedata
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from conftest import BOWL, Ratchet
from hypothesis import given
from hypothesis import strategies as st

from ratchet.app.cli.terminal import console
from ratchet.sandbox.text import is_visible
from ratchet.tasks import Task, TaskError, load

HOSTILE = "\\u001b[31mRED\\u001b]0;owned\\u0007\\u202e bowl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "bowl"
    shutil.copytree(BOWL, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def toml(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "task.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


def put(name: str, data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)

    return change


def link(name: str, to: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(to)

    return change


def many(folder: Path) -> None:
    for number in range(600):
        (folder / f"n{number}.md").touch()


def linked_baseline(folder: Path) -> None:
    shutil.copytree(folder / "start", folder.parent / "outside")
    (folder / "baselines/more").symlink_to(folder.parent / "outside")


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "notes.md")


MOTIF = """
[[motif]]
name = "ema"
source = ""
group = "value"
idea = "Smooth {x}"
gives = "tensor"
"""


def motif(lines: str) -> Callable[[Path], None]:
    return put("motifs.toml", f"{MOTIF}{lines}".encode())


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "motifs that are no TOML": (put("motifs.toml", b"[[motif]"), "motifs.toml is not TOML"),
    "motifs of another shape": (put("motifs.toml", b"motif = 3"), "motifs.toml: motif: "),
    "a motif without a template": (motif(""), "motifs.toml: motif 'ema': expression: "),
    "a template that is no Python": (motif('expression = "x +"'), "'x +' is not Python"),
    "a template of two statements": (
        motif('expression = "x"\nstatements = ["a = 1\\nb = 2"]'),
        "motif 'ema': statements: 0: 'a = 1 b = 2' is not Python",
    ),
    "a helper that is no function": (
        motif('expression = "x"\nhelpers = ["a = 1"]'),
        "is no function: begin with def",
    ),
    "a prior of nothing": (motif('expression = "x"\nprior = 0'), "motif 'ema': prior: "),
    "a constant that is text": (
        motif('expression = "x"\nconstants = { RATE = "0.9" }'),
        "motif 'ema': constants: RATE: ",
    ),
    "a slot that nothing stores": (
        motif('expression = "x"\nslots = { ema = "x" }'),
        "motif 'ema': slots and stores differ in ema",
    ),
    "an unknown group": (
        put("motifs.toml", MOTIF.replace('"value"', '"any"').encode()),
        "motif 'ema': group: ",
    ),
    "an unknown kind": (
        put("motifs.toml", b'[types.update]\ngrads = "tensr"'),
        "types: update: 'tensr' is not a kind; use one of bad, bool",
    ),
    "an interface that is no table": (put("motifs.toml", b"types.f = 3"), "types: f: is no table"),
    "link out": (link("note.md", "/etc/hostname"), "note.md is a link that leaves the task folder"),
    "link out in the start": (link("start/secret.py", "/etc/passwd"), "start/secret.py is a link"),
    "dangling link": (link("note.md", "nothing.md"), "note.md is no plain file"),
    "link to itself": (link("note.md", "note.md"), "note.md is no plain file"),
    "device": (link("trainer.py", "/dev/zero"), "trainer.py is a link that leaves"),
    "linked folder": (linked_baseline, "baselines/more is a link to a folder"),
    "fifo": (fifo, "notes.md is no plain file"),
    "too large": (
        put("notes.md", b"x" * (9 << 20)),
        "notes.md: the task folder has more than 8 MB",
    ),
    "too many": (many, "the task folder has more than 500 files"),
    "latin-1 start": (
        put("start/step.py", b"# caf\xe9\n"),
        "start/step.py, line 1: byte 0xe9 is not",
    ),
    "latin-1 trainer": (
        put("trainer.py", b"\n# caf\xe9\n"),
        "trainer.py, line 2: byte 0xe9 is not",
    ),
    "utf-16": (put("task.toml", "x".encode("utf-16")), "task.toml, line 1: byte 0xff is not UTF-8"),
    "syntax of the trainer": (
        put("trainer.py", b"\nx = = 1\n"),
        "trainer.py, line 2: invalid synt",
    ),
    "syntax of the grader": (put("grader.py", b"def run(:\n"), "grader.py, line 1: invalid syntax"),
    "NUL": (put("guest.py", b"x = 1\0\n"), "guest.py"),
    "deep program": (put("guest.py", b"x = " + b"(" * 5000 + b")" * 5000), "guest.py"),
    "deep toml": (put("task.toml", b"x = " + b"[" * 50_000), "task.toml is not TOML"),
    "huge number": (toml("worst = 20.0", "worst = " + "9" * 6000), "task.toml"),
    "worst is not finite": (toml("worst = 20.0", "worst = nan"), "metric.worst: Input should be"),
    "editable upward": (toml('["step.py"]', '["../step.py"]'), "'../step.py' is no file name"),
    "editable absolute": (toml('["step.py"]', '["/tmp/step.py"]'), "is no file name such as"),
    "editable hostile": (toml('["step.py"]', f'["{HOSTILE}.py"]'), "is no file name such as"),
    "editable trainer": (toml('["step.py"]', '["trainer.py"]'), "trainer.py is the name of a prog"),
    "editable twice": (toml('["step.py"]', '["step.py", "step.py"]'), "names a file twice"),
    "library upward": (
        toml("[metric]", 'library = ["../../x.py"]\n[metric]'),
        "is no file name such",
    ),
    "empty title": (
        toml('title = "Descend a noisy bowl"', r'title = "\u202e"'),
        "title: Value error",
    ),
    "workload": (toml('"harder"', f'"{HOSTILE}"'), "task.toml: workloads.transfer.0"),
    "baseline name": (
        put("baselines/\x1b[31mRED/step.py", b"x = 1\n"),
        "is no name for a baseline",
    ),
    "unknown key": (
        toml("[metric]", f'"{HOSTILE}" = 1\n[metric]'),
        "Extra inputs are not permitted",
    ),
}


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_a_folder_that_cannot_be_used_is_one_sentence(folder: Path, kind: str) -> None:
    change, sentence = REFUSED[kind]
    change(folder)
    with pytest.raises(TaskError) as caught:
        load(str(folder))
    assert sentence in str(caught.value)
    assert "/etc/hostname" not in str(caught.value)


ACCEPTED: dict[str, Callable[[Path], None]] = {
    "notes beside the baselines": put("baselines/notes.md", b"notes\n"),
    "cache beside the baselines": put("baselines/__pycache__/x.py", b"x = 1\n"),
    "cache in the start": put("start/__pycache__/step.cpython-311.pyc", b"\0"),
    "backup": put("trainer.py~", b"\xe9"),
    "editor's lock": link(".#step.py", "someone@nowhere"),
    "DS_Store": put(".DS_Store", b"\xff"),
    "git": put(".git/hooks/x.py", b"\xe9 = ="),
    "data": put("data/pixels.bin", b"\xff" * 10),
    "link to data": link("data", "/var"),
    "a program that is not the task's": put("old.py", b"print 1\n"),
    "CRLF": put("notes.md", b"a\r\nb\r\n"),
}


@pytest.mark.parametrize("kind", sorted(ACCEPTED))
def test_what_is_no_part_of_a_task_changes_nothing_of_it(folder: Path, kind: str) -> None:
    before = load(BOWL)
    ACCEPTED[kind](folder)
    after = load(str(folder))
    assert (after.digest, after.baselines) == (before.digest, before.baselines)


@pytest.mark.parametrize("name", ["task.toml", "trainer.py", "start/step.py"])
def test_a_byte_order_mark_changes_nothing(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load(str(folder)).digest == load(BOWL).digest
    assert load(str(folder)).start == load(BOWL).start


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "trainer.py").rename(folder / "parts/train.py")
    (folder / "trainer.py").symlink_to("parts/train.py")
    assert load(str(folder)).digest == load(BOWL).digest


def test_the_command_line_says_so_in_a_line_and_leaves_nothing(
    folder: Path, tmp_path: Path, ratchet: Ratchet
) -> None:
    put("grader.py", b"def run(:\n")(folder)
    done = ratchet("search", str(folder))
    assert done.returncode == 2
    assert done.stderr == "error: grader.py, line 1: invalid syntax\n"
    assert not (tmp_path / ".ratchet").exists()


@pytest.mark.parametrize(
    "name", ["./nowhere", "/" + "x" * 5000, "x" * 5000, "../..", "./a\x1b[31m"]
)
def test_a_path_that_names_no_task_is_one_sentence(name: str) -> None:
    with pytest.raises(TaskError, match="no task"):
        load(name)


@given(st.text(max_size=60), st.text(max_size=60))
def test_titles_and_units_are_text_or_refused(title: str, unit: str) -> None:
    files = load(BOWL).files
    quoted = {"Descend a noisy bowl": title, "nats": unit}
    text = files["task.toml"].decode()
    for old, new in quoted.items():
        escaped = "".join(f"\\U{ord(c):08x}" for c in new if not 0xD800 <= ord(c) < 0xE000)
        text = text.replace(f'"{old}"', f'"{escaped}"')
    try:
        manifest = Task({**files, "task.toml": text.encode()}).manifest
    except TaskError:
        return
    for words in (manifest.title, manifest.metric.unit):
        assert words
        assert is_visible(words)
        assert "\n" not in words


@given(st.text())
def test_whatever_is_drawn_reaches_the_terminal_as_text(text: str) -> None:
    screen = console()
    screen.file = StringIO()
    screen.print(f"before {text} after [bold]kept[/]")
    drawn = screen.file.getvalue()
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in drawn)
    assert "[bold]kept[/]" in drawn.replace("\n", "")
