"""Programs of archives that somebody else made: shown, and never run, built on or written out."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from conftest import BOWL, SECRET, UNISOLATED, Ratchet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stand_ins.runs import always, start
from stand_ins.scripted import START, confirmed, node
from stand_ins.tweak import Tweak

from ratchet.agents.archived import open_archived
from ratchet.app.cli.main import main
from ratchet.archive import Archive, ArchiveError, Node, in_use, require_sound, unsound
from ratchet.evals import Candidate
from ratchet.folder import read, write
from ratchet.sandbox import Sandbox
from ratchet.search.desk.consent import Question, pending
from ratchet.search.loop import search
from ratchet.search.run import Config
from ratchet.tasks import Task, TaskError, load

TASK = load(BOWL)
AGENTS = load("research_agent")
BETTER = START.replace("0.02", "0.04")
CONFIG = Config(task="bowl", key="0" * 32, secret=SECRET, sandbox="process", schedule="adaptive")
HOSTILE: Mapping[str, Mapping[str, str]] = {
    "above": {"step.py": BETTER, "../above.py": "x = 1\n"},
    "far above": {"step.py": BETTER, "../../../../../../../../tmp/ratchet-above.py": "x = 1\n"},
    "below": {"step.py": BETTER, "a/b/below.py": "x = 1\n"},
    "escape": {"step.py": BETTER, "\x1b[31mname\u202e.py": "x = 1\n"},
    "empty": {"step.py": BETTER, "": "x = 1\n"},
    "dot": {"step.py": BETTER, ".": "x = 1\n"},
    "reserved": {"step.py": BETTER, "con": "x = 1\n"},
    "readme": {"step.py": BETTER, "README.md": "x = 1\n"},
    "evidence": {"step.py": BETTER, "evidence.csv": "x = 1\n"},
    "trainer": {"step.py": BETTER, "trainer.py": "x = 1\n"},
    "other": {"other.py": BETTER},
    "none": {},
    "long": {"step.py": "x = 1\n" * 4000},
    "huge": {"step.py": "x = 1\n" * 200_000},
    "deep": {"step.py": "x = " + "-" * 2900 + "1\n"},
    "number": {"step.py": "X = 0x" + "f" * 4000 + "\n"},
    "imports": {"step.py": "import os\n\n\n" + BETTER},
}

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """The command line in this process, in a folder of its own within an empty one."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ratchet", *words])
        with pytest.raises(SystemExit) as left:
            main()
        said = capfd.readouterr()
        code = left.value.code
        return code if isinstance(code, int) else 0, said.out, said.err

    return run


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with closing(Archive(tmp_path / "a.db", create=True)) as made:
        yield made


def doctored(archive: Archive, files: Mapping[str, str], task: Task = TASK, run: str = "r") -> Node:
    """A run whose node 1, which is called confirmed, holds these files."""
    archive.start_run(run, task, CONFIG.model_dump(mode="json"))
    environment = archive.add_environment({"sandbox": "process"})
    planted = Candidate(files=task.start, idea="the start", proposer="task")
    more = {"run": run, "environment": environment}
    archive.add(node(0, None).model_copy(update={**more, "candidate": planted}))
    child = confirmed(1, 0, 0.5).model_copy(
        update={**more, "candidate": Candidate(files=files, idea="a gift", proposer="them")}
    )
    return archive.add(child)


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.startswith("a.db")}


@pytest.mark.parametrize("name", HOSTILE)
def test_such_a_node_is_shown_and_not_exported(
    tmp_path: Path, archive: Archive, command: Command, name: str
) -> None:
    doctored(archive, HOSTILE[name])
    before = everything(tmp_path)
    where = ["--archive", str(tmp_path / "a.db")]
    code, out, err = command("show", "r.1", *where)
    assert "\x1b[31m" not in out + err
    if name == "escape":  # such a name is no name: the archive is damaged
        assert (code, out) == (3, "")
        return
    assert code == 0
    # What only the audit refuses may run behind walls.
    assert ("may not run" in out) == (name not in ("deep", "number", "imports"))
    code, out, err = command("export", "r.1", "--to", "out", *where)
    assert (code, out) == (3, "")
    assert err.startswith("error: node r.1 may be shown, but not used: ")
    assert len(err.splitlines()) == 1
    assert everything(tmp_path) == before
    assert not Path("/tmp/ratchet-above.py").exists()


@pytest.mark.parametrize("name", ["above", "trainer", "huge", "deep", "imports"])
@pytest.mark.parametrize("verb", ["replay", "resume", "report"])
def test_such_a_node_is_never_run_nor_built_on(
    tmp_path: Path, archive: Archive, command: Command, verb: str, name: str
) -> None:
    child = doctored(archive, HOSTILE[name])
    evidence = {"evidence": confirmed(1, 0, 0.5).evidence or ({"stream": "common", "count": 2},)}
    archive.add(Node.model_validate({**child.model_dump(), **evidence, "turn": 2}))
    words = ["r.1"] if verb == "replay" else ["r"]
    where = ["--archive", str(tmp_path / "a.db")]
    box = ["--sandbox", "process", "--accept-unisolated"]
    code, _, err = command(verb, *words, *box, *where)
    assert code == 3
    (sentence,) = [each for each in err.splitlines() if "isolate" not in each]
    assert sentence.startswith("error: node r.1 may be shown, but not used: ")
    assert len(archive.states("r")) == 3


def test_a_search_that_goes_on_anywhere_refuses_such_a_node(
    tmp_path: Path, archive: Archive, process_sandbox: Sandbox
) -> None:
    doctored(archive, HOSTILE["trainer"], run="test")
    run = start(tmp_path / "a.db", process_sandbox, Tweak(), turns=3)
    with pytest.raises(ArchiveError, match=r"node test\.1 may be shown, but not used"):
        list(search(run, always))
    assert len(archive.states("test")) == 2


def test_one_that_was_refused_in_its_day_stands_in_nobodys_way(archive: Archive) -> None:
    child = doctored(archive, HOSTILE["above"])
    assert child.verdict is not None
    refused = child.verdict.model_copy(update={"standing": "invalid"})
    archive.add(child.model_copy(update={"verdict": refused, "gain": None, "turn": 2}))
    require_sound(in_use(archive.tree("r")), TASK)


def test_a_start_that_is_not_the_tasks_is_not_used(archive: Archive) -> None:
    child = doctored(archive, {"step.py": BETTER})
    planted = archive.tree("r")[0]
    assert unsound(planted, TASK) == ""
    assert unsound(child, TASK) == ""
    other = Candidate(files=HOSTILE["imports"], idea="", proposer="task")
    alien = planted.model_copy(update={"candidate": other})
    assert "imports os" in unsound(alien, TASK, isolated=False)
    assert unsound(alien, TASK) == ""  # the walls hold it, and a stricter audit costs no old run


def test_an_agent_out_of_such_a_node_is_not_opened(archive: Archive) -> None:
    doctored(archive, {"agent.py": "x = 1\n" * 200_000}, AGENTS)
    with pytest.raises(ArchiveError, match=r"may be shown, but not used: agent\.py has"):
        open_archived(archive, "r.1")


@pytest.mark.parametrize("name", ["../step.py", "/tmp/ratchet-abs.py", "a/b.py", ""])
def test_a_task_that_names_its_files_so_is_no_task(name: str) -> None:
    text = TASK.files["task.toml"].decode().replace('["step.py"]', f'["{name}"]')
    with pytest.raises(TaskError, match="is no file name such as"):
        Task({**TASK.files, "task.toml": text.encode()})


def test_a_task_that_calls_its_file_as_an_export_would_gets_nothing_written(
    tmp_path: Path, archive: Archive, command: Command
) -> None:
    text = TASK.files["task.toml"].decode().replace('["step.py"]', '["README.md"]')
    files = {
        path.replace("step.py", "README.md") if "/" in path else path: data
        for path, data in TASK.files.items()
    }
    doctored(archive, {"README.md": BETTER}, Task({**files, "task.toml": text.encode()}))
    before = everything(tmp_path)
    code, out, err = command("export", "r.1", "--to", "out", "--archive", str(tmp_path / "a.db"))
    assert (code, out) == (3, "")
    assert len(err.splitlines()) == 1
    assert everything(tmp_path) == before


@pytest.mark.parametrize("run", ["x/../../../gone", "x\nimport os\n"])
def test_a_run_whose_name_leaves_the_folder_or_the_line_is_not_exported(
    tmp_path: Path, archive: Archive, command: Command, run: str
) -> None:
    doctored(archive, {"step.py": BETTER}, run=run)
    before = everything(tmp_path)
    where = ["--archive", str(tmp_path / "a.db")]
    for more in ([], ["--to", "out"]):
        code, _, err = command("export", f"{run}.1", *more, *where)
        assert code == 3
        assert len(err.splitlines()) == 1
    assert everything(tmp_path) == before


def test_an_export_lists_what_it_wrote_and_adds_one_line_on_top(
    tmp_path: Path, archive: Archive, command: Command
) -> None:
    doctored(archive, {"step.py": BETTER})
    where = ["--archive", str(tmp_path / "a.db")]
    code, out, err = command("export", "r.1", "--to", "out", *where)
    assert code == 0, err
    assert {Path(name) for name in out.split()} == set(Path("out").iterdir())
    first, rest = Path("out/step.py").read_text().split("\n", 1)
    assert first.startswith("# Ratchet node")
    assert rest == BETTER


@pytest.mark.slow
def test_a_discovered_agent_that_offers_a_number_too_long_to_print_ends_no_search(
    archive: Archive, ratchet: Ratchet
) -> None:
    source = (
        "def propose(brief):\n"
        "    files = dict(brief.parent['files'])\n"
        "    files['step.py'] += '\\n\\n\\nX = 0x' + 'f' * 4000 + '\\n'\n"
        "    assert not brief.try_out(files)['ok']\n"
        "    return {'files': files, 'idea': 'a number', 'parent': brief.parent['number']}\n"
    )
    doctored(archive, {"agent.py": source}, AGENTS)
    done = ratchet(
        *("search", BOWL, "--agent", "r.1", "--turns", "2", *UNISOLATED, "--archive", archive.where)
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 4, done.stderr
    (run,) = [row.id for row in archive.runs() if row.id != "r"]
    assert len(archive.tree(run)) == 4


# The folder on disk

plain = st.dictionaries(st.text(max_size=12), st.text(max_size=20), max_size=4)


@given(plain)
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
def test_nothing_is_ever_written_outside_the_folder(
    tmp_path: Path, contents: dict[str, str]
) -> None:
    folder = tmp_path / "outer" / "inner"
    for name in (contents, {f"../{name}": text for name, text in contents.items()}):
        try:
            write(folder, name)
        except ArchiveError:
            assert not folder.exists()
        if folder.exists():
            assert {path.name for path in folder.iterdir()} == set(name)
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        assert everything(tmp_path) <= {tmp_path / "outer"}


def test_a_link_that_lies_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.py").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        write(tmp_path / "out", {"a.py": "x = 1\n", "b.py": "x = 1\n"})
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "out" / "a.py").exists()


def test_names_that_some_systems_take_for_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="take for one"):
        write(tmp_path / "out", {"a.py": "", "A.py": ""})
    assert not (tmp_path / "out").exists()


# Edits of a person

ODD_EDITS: Mapping[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "No such file"),
    "link": (lambda path: path.symlink_to("/etc/hostname"), "it is a link"),
    "folder": (lambda path: path.mkdir(), "plain file"),
    "pipe": (lambda path: os.mkfifo(path), "plain file"),
    "latin-1": (lambda path: path.write_bytes(b"x = 1\n# caf\xe9\n"), "not UTF-8 at line 2"),
    "huge": (lambda path: path.write_text("x = 1\n" * 900_000), "more than 20000 bytes"),
    "sparse": (lambda path: os.truncate(_made(path), 1 << 40), "more than 20000 bytes"),
    "imports": (lambda path: path.write_text("import os\n"), "imports os"),
    "deep": (lambda path: path.write_text("x = " + "-" * 9000 + "1\n"), "levels deep"),
}


def _made(path: Path) -> Path:
    path.touch()
    return path


@pytest.fixture
def question(archive: Archive) -> Question:
    doctored(archive, {"step.py": BETTER})
    asked = Question(
        id="r/7.0/abc",
        what="candidate",
        parent="r.0",
        idea="double it",
        before={"step.py": START},
        after={"step.py": BETTER},
    )
    archive.log("r", "approval asked", asked.model_dump(mode="json"))
    return asked


@pytest.mark.parametrize("name", ODD_EDITS)
def test_an_edit_that_may_not_run_is_refused_and_nothing_is_decided(
    tmp_path: Path, archive: Archive, command: Command, question: Question, name: str
) -> None:
    make, words = ODD_EDITS[name]
    (tmp_path / "edit").mkdir()
    make(tmp_path / "edit" / "step.py")
    where = ["--archive", str(tmp_path / "a.db")]
    code, out, err = command("approve", "--edit", str(tmp_path / "edit"), *where)
    assert (code, out) == (3, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert pending(archive, "r") == [question]


def test_an_edit_that_may_run_is_taken(
    tmp_path: Path, archive: Archive, command: Command, question: Question
) -> None:
    (tmp_path / "edit").mkdir()
    (tmp_path / "edit" / "step.py").write_bytes(BETTER.replace("\n", "\r\n").encode())
    where = ["--archive", str(tmp_path / "a.db")]
    code, out, _ = command("approve", "--edit", str(tmp_path / "edit"), *where)
    assert (code, out) == (0, "approved r/7.0/abc\n")
    (event,) = archive.events("r", "approval decided")
    assert event["data"]["files"] == {"step.py": BETTER}


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "a/../../secret.txt"])
def test_a_question_of_an_archive_cannot_have_other_files_read(
    tmp_path: Path, archive: Archive, command: Command, question: Question, name: str
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    hostile = question.model_copy(update={"id": "r/8.0/abc", "after": {name: "x = 1\n"}})
    archive.log("r", "approval asked", hostile.model_dump(mode="json"))
    (tmp_path / "edit").mkdir()
    where = ["--archive", str(tmp_path / "a.db")]
    code, _, err = command("approve", "--question", "r/8", "--edit", str(tmp_path / "edit"), *where)
    assert code == 3
    assert "not the plain name" in err
    with pytest.raises(ArchiveError, match="not the plain name"):
        read(tmp_path / "edit", [name])
