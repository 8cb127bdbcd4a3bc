"""What a command does never depends on who watches, nor on what was typed by mistake."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import BOWL, UNISOLATED, command, environment

from ratchet.app.cli import main
from ratchet.app.cli.display import Display, unfailing
from ratchet.archive import Archive
from ratchet.evals import fresh_key
from ratchet.search.run import Config
from ratchet.tasks import load

SEARCH = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, "--turns", "2"]
ENCODINGS = ["latin-1", "ascii", "cp1252"]


def finished(folder: Path, turns: int = 2) -> bool:
    """Whether the newest run made all its proposals and came to its end."""
    archive = Archive(folder / ".ratchet/archive.db")
    run = archive.run().id
    ended = archive.events(run, "stopped")
    return len(archive.tree(run).proposals()) == turns and "--turns" in ended[-1]["data"]["reason"]


def shell(folder: Path, words: list[str], redirect: str, **more: str) -> int:
    """The exit code of a command in a shell, with its output going where `redirect` says."""
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirect}', "bash", *command(*words)],
        cwd=folder,
        env={**environment(), **more},
        capture_output=True,
        timeout=120,
    ).returncode


@pytest.mark.parametrize(
    "redirect",
    [
        ">/dev/full 2>&1",
        pytest.param(">&- 2>&-", marks=pytest.mark.slow),
        pytest.param("<&- >&-", marks=pytest.mark.slow),
        pytest.param("2>&1 | head -1; exit ${PIPESTATUS[0]}", marks=pytest.mark.slow),
    ],
)
def test_a_search_whose_output_goes_nowhere_goes_on_to_its_end(
    tmp_path: Path, redirect: str
) -> None:
    assert shell(tmp_path, SEARCH, redirect) == 0
    assert finished(tmp_path)


@pytest.mark.slow
def test_a_search_shows_what_the_encoding_has_and_goes_on(tmp_path: Path) -> None:
    assert shell(tmp_path, SEARCH, "", PYTHONIOENCODING=ENCODINGS[0]) == 0
    assert finished(tmp_path)


@pytest.mark.parametrize(
    ("words", "redirect", "code"),
    [
        (["tasks"], "| head -c1; exit ${PIPESTATUS[0]}", 0),
        (["tasks"], ">&-", 0),
        (["tasks"], ">/dev/full", 3),
        (["tasks", "--json"], ">/dev/full", 3),
        (["search", "nope"], "2>/dev/full", 2),
    ],
)
def test_a_reading_verb_says_only_of_a_full_disk_that_it_failed(
    tmp_path: Path, words: list[str], redirect: str, code: int
) -> None:
    assert shell(tmp_path, words, redirect) == code


def mended(descriptor: int, encoding: str, act: Callable[[], None]) -> None:
    """Run `act` with mended streams over `descriptor`, of another process's making or not."""
    saved = os.dup(1)
    os.dup2(descriptor, 1)
    before, sys.stdout = sys.stdout, open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    try:
        with unfailing():
            act()
    finally:
        os.dup2(saved, 1)
        sys.stdout = before
        os.close(saved)


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-8"])
def test_signs_that_an_encoding_lacks_are_written_in_plain_characters(encoding: str) -> None:
    reads, writes = os.pipe()
    mended(writes, encoding, lambda: print("✔ ● ± … 学 \udc80 end", flush=True))
    os.close(writes)
    with open(reads, encoding=encoding) as stream:
        text = stream.read()
    assert text.endswith("end\n")
    assert ("✔" in text) == (encoding == "utf-8")
    assert text.startswith(("✔", "+"))


def test_a_pipe_that_nobody_reads_any_more_takes_everything_in_silence() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    display = Display(writes)
    assert display.write(b"x" * 100_000) == 100_000
    assert display.lost is not None
    assert display.full == "", "who left wants none of it"
    os.close(writes)
    assert Display(writes).write(b"x") == 1, "a descriptor that is closed is no different"


# What is typed by mistake

ODD = ["", " ", "²", "9" * 5000, "-1", "..", "/", "a\x1b[31mb", "a\nb", "학.0", "x" * 300, "0.0.0"]
NUMBERS = ["nan", "inf", "-inf", "-1", "0", "1e400", "x", ""]
VERBS = ("tree", "show", "diff", "replay", "rejudge", "report", "export", "stop", "approve")


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Any:
    """Type a command where an archive holds one run without nodes; its exit code and stderr."""
    monkeypatch.chdir(tmp_path)
    task = load(BOWL)
    config = Config(task="bowl", seed=1, key=fresh_key(), secret=fresh_key())
    archive = Archive(".ratchet/archive.db", create=True)
    archive.start_run("test", task, config.model_dump(mode="json"))
    archive.close()

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ratchet", *words])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as leaving:
            main.main()
        assert isinstance(leaving.value.code, int)
        return leaving.value.code, capfd.readouterr().err

    return run


@pytest.mark.parametrize("verb", VERBS)
def test_names_that_are_none_are_refused_in_a_sentence(typed: Any, verb: str) -> None:
    for odd in ODD if verb != "replay" else ODD[1:]:  # it would grow the newest run again
        words = ["--", odd, odd] if verb == "diff" else ["--", odd]
        code, told = typed(verb, *words)
        # An empty name of a run is none: the newest is meant.
        assert code in (0, 2, 3), (odd, code)
        assert code or not odd.strip() or verb == "approve", odd
        assert "Traceback" not in told
        assert "\x1b" not in told


@pytest.mark.parametrize("verb", ["tree", "report", "rejudge", "runs", "stop", "approve"])
def test_a_run_without_nodes_is_shown_as_what_it_is(typed: Any, verb: str) -> None:
    code, told = typed(verb)
    assert (code, told) == (0, "")
    assert typed(verb, *(["--json"] if verb != "stop" else []))[0] == 0


@pytest.mark.parametrize("verb", ["show", "export", "replay"])
def test_a_node_of_a_run_without_nodes_is_one_that_there_is_not(typed: Any, verb: str) -> None:
    code, told = typed(verb, "0")
    assert code == 3
    assert "has no nodes yet" in told


OPTIONS = ["--turns", "--minutes", "--workers", "--seed", "--alpha", "--effect", "--max-tokens"]
OPTIONS += ["--max-dollars", "--max-trials", "--max-gpu-seconds", "--temperature"]


@pytest.mark.parametrize("option", OPTIONS)
def test_numbers_that_make_no_sense_are_refused_before_anything_is_opened(
    typed: Any, tmp_path: Path, option: str
) -> None:
    allowed = {"--seed", "--effect", "--max-dollars", "--temperature"}  # that may be zero
    for number in NUMBERS:
        if number == "0" and option in allowed:
            continue
        code, told = typed("search", BOWL, option, number)
        assert code == 2, (number, code, told)
        assert "Traceback" not in told
    assert len(Archive(tmp_path / ".ratchet/archive.db").runs()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ["search", ""],
        ["search", "a\x1b[31mb"],
        ["search", "x" * 5000],
        ["search", BOWL, "--agent", ""],
        ["search", BOWL, "--agent", "a\x1b[31mb"],
        ["search", BOWL, "--agent", "..."],
        ["search", BOWL, "--agent", "test.²"],
        ["search", BOWL, "--select", ""],
        ["search", BOWL, "--sandbox", ""],
        ["search", BOWL, "--sandbox", "..x"],
        ["search", BOWL, "--archive", ""],
        ["search", BOWL, "--archive", "/proc/nothing/x"],
        ["search", BOWL, "--model", "="],
        ["search", BOWL, "--model", "m", "--price", "nan,nan"],
        ["search", BOWL, "--max-trials", "31"],
        ["search", BOWL, "--max-dollars", "1"],
        ["search", BOWL, "--max-gpu-seconds", "5"],
        ["search", BOWL, "--secret", "x"],
        ["resume", "nope"],
        ["resume", "--minutes", "nan"],
        ["resume", "--workers", "0"],
        ["calibrate", ""],
        ["calibrate", BOWL, "--minutes", "nan"],
        ["calibrate", BOWL, "--seeds", "7"],
        ["rejudge", "--alpha", "nan"],
        ["rejudge", "--alpha", "2"],
        ["replay", "--fresh-seeds", "-1"],
        ["bench", "agents", "--task", ""],
        ["bench", "agents", "--task", BOWL, "--agents", ","],
        ["bench", "agents", "--task", BOWL, "--name", "a b"],
        ["bench", "agents", "--task", BOWL, "--dollars", "nan"],
        ["bench", "agents", "--task", BOWL, "--trials", "0"],
        ["doctor", "--only", "1"],
        ["doctor", "nope", "--attack"],
        ["doctor", "--attack", "--only", "\x1b[31m"],
        ["sandbox", "nope"],
        ["nope"],
        ["--nope"],
    ],
)
def test_no_mistake_is_a_traceback(typed: Any, words: list[str]) -> None:
    code, told = typed(*words)
    assert code in (2, 3), told
    assert "Traceback" not in told
    assert "\x1b" not in told


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    words = command("tree")
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *words], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "error: the current folder is no longer there: change to one that is\n"


def test_a_run_that_nobody_searches_cannot_be_stopped(tmp_path: Path, typed: Any) -> None:
    assert typed("stop") == (0, "")
    assert not list(tmp_path.glob(".ratchet/*.stop"))
    with Archive(".ratchet/archive.db").hold("test"):
        assert typed("stop") == (0, "")
    assert list(tmp_path.glob(".ratchet/*.stop"))
