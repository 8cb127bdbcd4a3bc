"""Ratchet as scripts and notebooks use it: the surface of `import ratchet`."""

import math
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from conftest import BOWL, HERE, SECRET
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient
from nbformat import v4
from stand_ins.scripted import confirmed, node

import ratchet
from ratchet import drawing
from ratchet.archive import Archive, Tree
from ratchet.evals import judge as statistics
from ratchet.sandbox import Sandbox

KEPT = HERE / "fixtures/archive_0_1/archive.db"
FINISHED, BEST = "j48y", "j48y.15"
TURNS = 10
HEAVY = {"docker", "gymnasium", "langgraph", "libcst", "numpy", "openai", "pandas", "pydantic"}
HEAVY |= {"rich", "scipy", "sqlalchemy", "torch", "typer"}
HELP_SECONDS = 0.3  # of CPU time
RATCHET = Path(sys.executable).with_name("ratchet")


def python(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script as a user does."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        timeout=120,
    )


# The surface


def test_every_name_of_the_surface_is_there() -> None:
    assert set(ratchet.__all__) <= set(dir(ratchet))
    assert all(getattr(ratchet, name) is not None for name in ratchet.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'ratchet' has no attribute 'nothing'"):
        _ = ratchet.nothing  # type: ignore[attr-defined]


def test_importing_ratchet_loads_nothing_heavy() -> None:
    code = f"import sys, ratchet; print({HEAVY} & {{name.split('.')[0] for name in sys.modules}})"
    done = python(code)
    assert done.stdout.strip() == "set()", done.stderr


def test_help_costs_little_time() -> None:
    seconds = []
    for _ in range(5):  # the quickest counts: others may have shared a core
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([RATCHET, "--help"], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "search" in done.stdout
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < HELP_SECONDS


@pytest.mark.parametrize(
    "first",
    [
        "import ratchet.search.loop, ratchet.tasks.base, ratchet.agents.opening",
        "from ratchet.search.loop import search; from ratchet.tasks import load",
        "import ratchet; ratchet.search, ratchet.tasks, ratchet.agents",
        "import ratchet.search.loop as loop; assert loop.search",
    ],
)
def test_a_package_can_be_called_whoever_has_imported_it(first: str) -> None:
    code = f"{first}\nimport ratchet, sys\n"
    code += "for name in ('search', 'tasks', 'agents'):\n"
    code += "    package = getattr(ratchet, name)\n"
    code += "    assert callable(package) and package is sys.modules[f'ratchet.{name}'], name\n"
    code += "    assert package.__file__.endswith('__init__.py') and package.__path__\n"
    code += "assert ratchet.tasks() == ratchet.tasks.names() and 'evolver' in ratchet.agents()\n"
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_tasks_are_listed_and_opened() -> None:
    assert "optimizer" in ratchet.tasks()
    assert ratchet.load_task("schedule").name == "schedule"
    bowl = ratchet.load_task(Path(BOWL))
    assert bowl.digest == ratchet.load_task(BOWL).digest
    assert list(bowl.start) == ["step.py"]
    with pytest.raises(ratchet.TaskError, match="no task 'nosuch'"):
        ratchet.load_task("nosuch")


# Searches


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory, isolated_sandbox: Sandbox
) -> tuple[ratchet.Run, list[ratchet.Node], Path, str]:
    """A search that came to its end, its events, its archive and its sandbox."""
    path, name = tmp_path_factory.mktemp("api") / "a.db", isolated_sandbox.name
    run = begin(path, name)
    return run, list(run), path, name


def begin(path: Path, sandbox: str, turns: int = TURNS, agent: str = "random_tweak") -> ratchet.Run:
    return ratchet.search(
        Path(BOWL), agent, turns=turns, seed=1, secret=SECRET, sandbox=sandbox, archive=path
    )


def essence(tree: ratchet.Tree) -> list[dict[str, object]]:
    """What two runs of the same seed and secret have in common."""
    left_out = {"node", "parent", "claims", "cpu_seconds", "reason"}
    return [{k: v for k, v in n.record().items() if k not in left_out} for n in tree]


def test_a_search_is_followed_node_by_node_to_its_end(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str],
) -> None:
    run, events, path, _ = searched
    assert [event.standing for event in events[:2]] == ["start", "baseline"]
    assert len(run.tree) == 2 + TURNS
    last = {event.number: event.record() for event in events}
    assert [last[node.number] for node in run.tree] == [node.record() for node in run.tree]
    assert not run.running
    assert run.wait() is run
    assert (run.task, run.agent) == ("bowl", "random_tweak")
    assert repr(run) == f"<Run {run.id}: bowl, random_tweak, {2 + TURNS} nodes, ended>"
    assert [event.record() for event in run] == [event.record() for event in events]
    assert ratchet.open(path)[run.id].id == run.id  # other tests search in this archive too


def test_a_search_can_be_called_again_after_one_has_run(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str],
) -> None:
    assert callable(ratchet.search)
    assert ratchet.search is sys.modules["ratchet.search"]


def test_leaving_the_loop_stops_the_search_and_resuming_grows_the_same_tree(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str],
) -> None:
    whole, _, path, sandbox = searched
    run = begin(path, sandbox)
    for event in run:
        if event.number == 3:
            break
    assert not run.running
    assert not [t for t in threading.enumerate() if t.name.startswith("ratchet-run")]
    assert len(run.tree) < 2 + TURNS
    again = ratchet.resume(run, turns=TURNS, sandbox=sandbox).wait()
    assert again.id == run.id
    assert essence(again.tree) == essence(whole.tree)


def test_a_search_is_stopped_at_the_end_of_its_block(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str],
) -> None:
    _, _, path, sandbox = searched
    with begin(path, sandbox, turns=500) as run:
        assert run.running
        assert ratchet.open(path)[run.id].running
    assert not run.running
    assert len(run.tree) < 500


def test_an_interrupt_stops_what_is_waited_for(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str],
) -> None:
    _, _, path, sandbox = searched
    run = begin(path, sandbox, turns=500)
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    # Where tests run in the background, interrupts are ignored unless one asks for them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            run.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    assert not run.running
    assert len(run.tree) < 500
    assert ratchet.resume(run, turns=1, sandbox=sandbox).wait(60).tree


@pytest.mark.parametrize("whose", ["its own", "another's"])
def test_a_run_that_is_stopped_can_be_waited_for(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str], whose: str
) -> None:
    _, _, path, sandbox = searched
    run = begin(path, sandbox, turns=500)
    assert run.wait(0.01).running
    (run if whose == "its own" else ratchet.open(path)[run.id]).stop()
    assert not run.wait().running


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"task": "nosuch"}, ratchet.TaskError, "no task 'nosuch'"),
        ({"agent": "nosuch"}, ratchet.AgentError, "no agent named"),
        ({"select": "nosuch"}, ratchet.AgentError, "no selection policy"),
        ({"sandbox": "nosuch"}, ratchet.SandboxError, "no sandbox backend named"),
        ({"sandbox": "process"}, ratchet.SandboxError, "does not isolate"),
        ({"agent": "researcher"}, ratchet.ModelChoiceError, "none is named"),
        ({"caps": ratchet.Caps(trials=3)}, ratchet.BudgetError, "baselines"),
        ({"minutes": 0}, ValueError, "minutes is 0: give"),
        ({"minutes": math.nan}, ValueError, "minutes is nan: give"),
        ({"turns": 0}, ValueError, "turns is 0: give"),
        ({"workers": 0}, ValueError, "workers is 0: give"),
        ({"seed": -1}, ValueError, "seed is -1: give"),
        ({"secret": "x"}, ValueError, "secret is not 32 hexadecimal digits"),
        ({"standards": ratchet.Standards(alpha=0.9)}, ValueError, "alpha is 0.9: give"),
        ({"standards": ratchet.Standards(effect=-1)}, ValueError, "effect is -1: give"),
    ],
)
def test_what_cannot_work_is_raised_by_the_call_and_leaves_no_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    for name in ("RATCHET_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    arguments = {"task": BOWL, "turns": 1, "archive": tmp_path / "a.db", **changes}
    with pytest.raises(error, match=words):
        ratchet.search(**arguments)
    with pytest.raises(ratchet.ArchiveError, match="no archive"):
        ratchet.open(tmp_path / "a.db")


def test_what_ends_a_search_is_raised_in_whoever_follows_it(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str], tmp_path: Path
) -> None:
    run = begin(tmp_path / "a.db", searched[3], turns=50, agent="stand_ins.failing")
    with pytest.raises(ratchet.AgentError):
        list(run)
    with pytest.raises(ratchet.AgentError):
        run.wait()
    assert not run.running


def test_a_script_that_reaches_its_end_waits_for_its_search(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str], tmp_path: Path
) -> None:
    call = f"ratchet.search({BOWL!r}, 'random_tweak', turns=4, sandbox={searched[3]!r})"
    done = python(f"import ratchet\n{call}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(ratchet.open(tmp_path / ".ratchet/archive.db").run().tree) == 6


def test_a_script_that_fails_stops_its_search(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str], tmp_path: Path
) -> None:
    call = f"ratchet.search({BOWL!r}, 'random_tweak', turns=5000, sandbox={searched[3]!r})"
    done = python(f"import ratchet\n{call}\nraise SystemError('broken')", tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("SystemError: broken\n")
    run = ratchet.open(tmp_path / ".ratchet/archive.db").run()
    assert not run.running
    assert len(run.tree) < 5000


def test_a_notebook_searches_and_shows_the_tree(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str], tmp_path: Path
) -> None:
    search = f"ratchet.search({BOWL!r}, 'random_tweak', turns=3, sandbox={searched[3]!r})"
    cells = [f"import ratchet\nrun = {search}", "for node in run:\n    print(node)", "run.tree"]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])  # type: ignore[no-untyped-call]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    _, printed, shown = (cell.outputs for cell in notebook.cells)
    assert "start" in printed[0]["text"]
    assert "<svg" in shown[0]["data"]["text/html"]
    assert "gain over the start" in shown[0]["data"]["image/svg+xml"]


# Archives


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of an archive that has confirmed and refuted nodes."""
    return Path(shutil.copy(KEPT, tmp_path / "kept.db"))


def test_an_archive_gives_its_runs_trees_and_nodes(kept: Path) -> None:
    with ratchet.open(kept) as archive:
        assert [run.id for run in archive] == [run.id for run in archive.runs]
        assert len(archive) == 2
        run = archive[FINISHED]
        tree = run.tree
        assert [node.number for node in tree] == list(range(len(tree)))
        assert run.best is not None
        assert run.best.id == BEST
        assert tree.best is not None
        assert tree.best.id == BEST
        assert {node.standing for node in tree.confirmed} == {"confirmed"}
        best = archive.node(BEST)
        assert best.parent is not None
        assert best.number in [child.number for child in best.parent.children]
        assert [node.number for node in tree.lineage(best.number)][-1] == best.number
        assert best.gain is not None
        assert best.gain.low <= best.gain.gain <= best.gain.high
        assert "kept.db: 2 runs" in repr(archive)
        assert BEST in archive._repr_html_()


def test_what_an_archive_does_not_hold_is_one_sentence(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(ratchet.ArchiveError, match="no archive at"):
        ratchet.open(tmp_path / "none.db")
    archive = ratchet.open(kept)
    with pytest.raises(ratchet.ArchiveError, match="'nosuch' names 0 runs"):
        _ = archive["nosuch"]
    with pytest.raises(ratchet.ArchiveError, match="'best' is not a node"):
        archive.node("best")
    with pytest.raises(ratchet.ArchiveError, match="the run has no node 999"):
        _ = archive[FINISHED].tree[999]


def test_an_archive_is_found_by_the_environment(
    kept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RATCHET_ARCHIVE", str(kept))
    assert len(ratchet.open()) == 2
    monkeypatch.delenv("RATCHET_ARCHIVE")
    (tmp_path / ".ratchet").mkdir()
    kept.rename(tmp_path / ".ratchet/archive.db")
    monkeypatch.chdir(tmp_path)
    assert len(ratchet.open()) == 2


def test_a_node_gives_its_program_and_what_it_changed(kept: Path) -> None:
    best = ratchet.open(kept).node(BEST)
    assert best.parent is not None
    assert best.code == best.files["step.py"]
    assert best.diff() == best.diff(best.parent)
    assert f"--- {best.parent.id}/step.py" in best.diff()
    assert best.diff(best) == ""
    assert best.tree[0].diff() == ""


def test_a_program_of_several_files_is_a_mapping(kept: Path) -> None:
    archive = Archive(kept)
    record = archive.node(BEST)
    files = {"a.py": "a = 1\n", "b.py": "b = 1\n"}
    candidate = record.candidate.model_copy(update={"files": files})
    several = ratchet.Node(archive, record.model_copy(update={"candidate": candidate}))
    assert several.code == files


def test_a_node_is_exported(kept: Path, tmp_path: Path) -> None:
    best = ratchet.open(kept).node(BEST)
    written = best.export(tmp_path / "out")
    assert {"step.py", "README.md", "evidence.csv"} <= {path.name for path in written}
    assert (tmp_path / "out/step.py").read_text().endswith(str(best.code))
    with pytest.raises(FileExistsError):
        best.export(tmp_path / "out")


def test_a_node_is_replayed(kept: Path, isolated_sandbox: Sandbox) -> None:
    best = ratchet.open(kept).node(BEST)
    assert best.replay(sandbox=isolated_sandbox.name).outcome == "REPRODUCED"
    assert best.replay(8, sandbox=isolated_sandbox.name).seeds == 8
    with pytest.raises(ValueError, match="fresh_seeds is -1"):
        best.replay(-1)


def test_a_tree_is_a_frame_where_pandas_is_installed(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = ratchet.open(kept)[FINISHED].tree
    frame = tree.frame()
    assert len(frame) == len(tree)
    best = frame.loc[15]
    assert best["standing"] == "confirmed"
    assert best["low"] <= best["gain"] <= best["high"]
    assert frame["parent"].isna().sum() == len([node for node in tree if node.parent is None])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'ratchet\[notebook\]'"):
        tree.frame()


# Drawings

MARKUP = ["<script>alert(1)</script>", "</svg><img src=x onerror=alert(1)>", "&lt;", "]]>"]
TEXT = st.text() | st.sampled_from([*MARKUP, "\x1b[31m\x00", "'\"><b>"])


class Tags(HTMLParser):
    """The elements and attributes of some HTML, in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found = list[tuple[str, tuple[str, ...]]]()
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attributes)))


def drawn(text: str) -> tuple[str, str, str]:
    """A tree and a node as SVG and HTML, where whatever an archive holds is this text."""
    start, child = node(0, None), confirmed(1, 0, 0.5)
    candidate = child.candidate.model_copy(
        update={"files": {text: text}, "idea": text, "proposer": text}
    )
    assert child.verdict is not None
    verdict = child.verdict.model_copy(update={"reason": text})
    child = child.model_copy(update={"run": text, "candidate": candidate, "verdict": verdict})
    tree = Tree([start.model_copy(update={"run": text, "name": text, "kind": text}), child])
    svg = drawing.svg(drawing.tree_rows(tree, True), text)
    html = drawing.tree_html(text, tree, text), drawing.node_html(tree, child, text, text)
    return svg, *html


@settings(deadline=None)
@given(TEXT)
def test_no_text_of_an_archive_becomes_markup(text: str) -> None:
    plain = drawn("plain")
    svg, *html = drawn(text or " ")
    tags = [element.tag for element in ElementTree.fromstring(svg).iter()]
    assert tags == [element.tag for element in ElementTree.fromstring(plain[0]).iter()]
    for dirty, harmless in zip(html, plain[1:], strict=True):
        assert not any(c in dirty for c in "\x00\x1b\u202e")
        found = [tag for tag in Tags(dirty).found if tag[0] not in ("tr", "th", "td", "details")]
        allowed = Tags(harmless).found
        assert all(tag in allowed for tag in found)


@given(st.lists(st.floats(-1e308, 1e308), min_size=1, max_size=5))
def test_any_gains_are_drawn(gains: list[float]) -> None:
    nodes = [node(0, None)]
    nodes += [
        confirmed(n, 0, 0.5).model_copy(update={"gain": gain, "gain_error": abs(gain)})
        for n, gain in enumerate(gains, 1)
    ]
    svg = drawing.svg(drawing.tree_rows(Tree(nodes), True), "nats")
    ElementTree.fromstring(svg)
    assert "nan" not in svg.replace("nats", "")


def test_a_drawing_shows_what_was_kept_and_counts_the_rest() -> None:
    tree = Tree([node(0, None), node(1, 0), confirmed(2, 0, 0.5), node(3, 2), confirmed(4, 2, 0.7)])
    some, every = drawing.tree_rows(tree, False), drawing.tree_rows(tree, True)
    assert [(row.node.number, row.depth, row.hidden) for row in some] == [
        (0, 0, 1),
        (2, 1, 1),
        (4, 2, 0),
    ]
    assert [row.node.number for row in every] == [0, 1, 2, 3, 4]
    assert "+0.5000 ± 0.1000" in drawing.svg(some, "nats")


# The judge

SCORES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@given(SCORES, st.floats(1e-6, 0.5), st.floats(-10, 10))
def test_the_judge_says_what_a_search_would_say(
    gains: list[float], alpha: float, margin: float
) -> None:
    verdict = ratchet.judge(gains, [0.0] * len(gains), alpha=alpha, margin=margin)
    log_e = statistics.log_e_value([gain - margin for gain in gains], 0.5)
    assert verdict.log_e == log_e
    assert verdict.better == (log_e >= -math.log(alpha))
    assert verdict.low <= verdict.gain <= verdict.high
    turned = ratchet.judge([0.0] * len(gains), gains, alpha=alpha, margin=margin, goal="min")
    assert turned == verdict


def test_the_judge_rarely_errs_even_if_it_is_asked_after_every_seed() -> None:
    rng = random.Random(7)
    errors = 0
    for _ in range(200):
        gains = [rng.gauss(0.0, 1.0) for _ in range(40)]
        looks = (ratchet.judge(gains[:n], [0.0] * n).better for n in range(2, 41))
        errors += any(looks)
    assert errors <= 0.05 * 200


def test_a_verdict_is_a_sentence() -> None:
    verdict = ratchet.judge([2.0, 2.1, 2.2, 1.9] * 3, [1.0] * 12)
    assert verdict.better
    assert str(verdict).startswith("better: gain +1.05, 95 % interval")
    assert str(ratchet.judge([1.0, 1.0], [1.0, 1.0])).startswith("not shown to be better")


@pytest.mark.parametrize(
    ("child", "parent", "more", "words"),
    [
        ([1.0], [1.0], {}, "child has 1 scores: give at least 2"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], {}, "child has 2 scores and parent 3"),
        ([1.0, math.nan], [1.0, 2.0], {}, "child has a score that is no number"),
        ([1.0, 2.0], [1.0, math.inf], {}, "parent has a score that is no number"),
        ([1.0, 2.0], [1.0, 2.0], {"alpha": 0.0}, "alpha is 0.0: give"),
        ([1.0, 2.0], [1.0, 2.0], {"margin": math.nan}, "margin is nan: give"),
        ([1.0, 2.0], [1.0, 2.0], {"goal": "up"}, "goal is 'up': say"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    child: list[float], parent: list[float], more: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        ratchet.judge(child, parent, **more)


# The page


def test_the_examples_of_the_page_run(
    searched: tuple[ratchet.Run, list[ratchet.Node], Path, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = (HERE.parent / "docs/api.md").read_text()
    first, second = re.findall(r"```python\n(.*?)```", page, re.S)
    shutil.copytree(BOWL, tmp_path / "tests/bowl")
    done = python(first.replace("seed=1", f"seed=1, sandbox={searched[3]!r}"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<Node 0 start>\n<Node 1 baseline mom")
    done = python(second, tmp_path)
    assert done.stdout.splitlines()[0].startswith(re.findall(r"# (not shown.*?);", page)[0])
