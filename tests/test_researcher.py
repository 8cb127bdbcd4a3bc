"""The researcher: what it hands in, what it sends back, and what a kill costs it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import BOWL, HERE
from stand_ins.model_server import Asked, ModelServer, Reaction, failing
from stand_ins.scripted import (
    GO,
    IDEA,
    PATCH,
    SCRIPT,
    START,
    ScriptedDesk,
    brief,
    confirmed,
    node,
)

from ratchet.agents import researcher_conductor, researcher_roles
from ratchet.agents.base import Brief, BudgetSpent, ProposalError, Tried
from ratchet.agents.llm import Endpoint, ModelError
from ratchet.agents.opening import open_agent
from ratchet.agents.research import notebook
from ratchet.agents.research.settings import Settings
from ratchet.agents.researcher import Researcher
from ratchet.archive import Archive
from ratchet.evals import Candidate
from ratchet.evals.canonical import canonical
from ratchet.sandbox import Sandbox
from ratchet.search.budget import Budget
from ratchet.search.desk.cassette import Cassette
from ratchet.search.desk.desk import RunDesk
from ratchet.search.desk.roster import Models
from ratchet.tasks import load

TASK = load(BOWL)
DECAYED = START.replace("-RATE * grad", "-RATE * (1.0 - progress) * grad")
STEPS = ["diagnose", "propose", "review", "write"]


def patch(search: str, replace: str, file: str = "step.py") -> dict[str, Any]:
    return {"edits": [{"file": file, "search": search, "replace": replace}]}


def propose(desk: ScriptedDesk, *nodes: Any, **settings: Any) -> Candidate:
    return Researcher(Settings(**settings)).propose(brief(TASK, desk, nodes))


def dropped(desk: ScriptedDesk, *nodes: Any, **settings: Any) -> str:
    with pytest.raises(ProposalError) as caught:
        propose(desk, *nodes, **settings)
    return str(caught.value)


def in_sandbox(sandbox: Sandbox) -> Callable[[Mapping[str, str]], Tried]:
    """Try-outs as a run's desk makes them."""
    return RunDesk("run/1.0", TASK, sandbox, None, None).try_out


def test_it_hands_in_a_changed_program_that_ran_and_says_why(process_sandbox: Sandbox) -> None:
    desk = ScriptedDesk(try_out=in_sandbox(process_sandbox))
    made = propose(desk)
    assert made.files == {"step.py": DECAYED}
    assert desk.tried == [made.files]
    assert desk.steps == STEPS
    assert made.proposer == "researcher"
    assert made.idea == "Decay the rate: Multiply RATE by one minus progress."
    assert made.notes["hypothesis"] == IDEA["hypothesis"]
    assert made.notes["expected"] == "+0.1 nats"
    assert made.notes["risk"] == IDEA["how_it_could_fail"]
    assert made.notes["model"] == "test-model"
    assert made.notes["repairs"] == "0"
    assert "The rate never decays." in made.notes["diagnosis"]
    assert "Mind the end." in made.notes["review"]
    assert open_agent("researcher").agent.__class__ is Researcher


def test_a_kind_of_the_models_own_is_taken_as_another() -> None:
    desk = ScriptedDesk({"propose": {**IDEA, "kind": "Annealing"}})
    assert propose(desk).notes["kind"] == "other"


def test_each_step_is_handed_what_the_ones_before_it_found() -> None:
    desk = ScriptedDesk()
    propose(desk)
    assert "The rate never decays." in desk.prompt("propose")
    assert "Multiply RATE by one minus progress." in desk.prompt("review")
    assert "Missing bias correction" in desk.prompt("review")
    assert "Mind the end." in desk.prompt("write")
    assert all(told[0].role == "system" for _, _, told in desk.asked)
    turns = [[message.role for message in told[1:]] for _, _, told in desk.asked]
    assert all(each[::2] == ["user"] * len(each[::2]) for each in turns), "roles alternate"


# Patches


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (patch("-RATE * grad", "-(RATE) * grad  # slower"), "the same as the parent's"),
        (patch("-RATE * gradient", "-grad"), "does not occur in step.py; the nearest lines"),
        (patch("-RATE * grad", "-(RATE * grad"), "step.py is not Python after it"),
        (patch("RATE", "PACE"), "occurs 2 times"),
        (patch("import", "", "trainer.py"), "editable: step.py"),
        ({"edits": []}, "no edits"),
    ],
)
def test_a_bad_patch_goes_back_with_the_error_and_is_never_tried(
    bad: dict[str, Any], why: str
) -> None:
    desk = ScriptedDesk({"write": bad, "write/2": PATCH})
    assert propose(desk).files == {"step.py": DECAYED}
    assert desk.tried == [{"step.py": DECAYED}]
    assert why not in desk.prompt("write")
    assert why in desk.prompt("write/2")
    assert json.dumps(bad["edits"][:1])[2:20].replace(" ", "") in desk.prompt("write/2")


def test_three_bad_patches_end_the_proposal() -> None:
    desk = ScriptedDesk({"write": patch("nothing like it", "")})
    assert "no patch could be applied in 3 rounds: the search text" in dropped(desk)
    assert desk.steps == [*STEPS, "write/2", "write/3"]
    assert desk.tried == []


def test_a_program_that_the_tree_holds_is_not_written_again() -> None:
    known = node(7, 0, DECAYED.replace("RATE", "PACE"))
    assert "the same as that of node 7" in dropped(ScriptedDesk(), known)


# Try-outs and repairs


def test_broken_code_is_repaired_from_its_traceback(process_sandbox: Sandbox) -> None:
    broken = patch("return -RATE", "return -RATE * missing")
    mended = patch("missing", "(1.0 - progress)")
    desk = ScriptedDesk({"write": broken, "repair": mended}, try_out=in_sandbox(process_sandbox))
    made = propose(desk)
    assert made.files == {"step.py": DECAYED}
    assert made.notes["repairs"] == "1"
    asked = desk.prompt("repair")
    assert "name 'missing' is not defined" in asked
    assert "The place, step.py line 8:" in asked
    assert "| >   8      return -RATE * missing * grad" in asked
    assert len(desk.tried) == 2


def test_three_failed_repairs_end_the_proposal() -> None:
    crash = Tried(status="crashed", log="step.py:8: no luck")
    repairs = {
        f"repair/{n}" if n > 1 else "repair": patch("RATE = 0.02", f"RATE = 0.0{n}\nX = {n}")
        for n in (1, 2, 3)
    }
    repairs |= {f"repair/{n}": patch(f"X = {n - 1}", f"X = {n}") for n in (2, 3)}
    desk = ScriptedDesk(repairs, try_out=lambda files: crash)
    assert dropped(desk) == "3 repairs did not mend it: crashed: step.py:8: no luck"
    assert desk.steps == [*STEPS, "repair", "repair/2", "repair/3"]
    assert len(desk.tried) == 4


def test_repairs_that_do_not_apply_count_and_are_never_tried() -> None:
    script = {"repair": patch("nothing", "")}
    desk = ScriptedDesk(script, try_out=lambda files: Tried(status="crashed", log="no"))
    assert "3 repairs did not mend it: the search text" in dropped(desk)
    assert "The patch was refused" in desk.prompt("repair/2")
    assert "ended with the status 'crashed'" in desk.prompt("repair/2")
    assert len(desk.tried) == 1


def test_what_the_audit_refuses_is_repaired_once_and_then_dropped(
    process_sandbox: Sandbox,
) -> None:
    peeks = patch("RATE = 0.02", "import os\n\nRATE = 0.02")
    script = {"write": peeks, "repair": patch("import os", "import sys")}
    desk = ScriptedDesk(script, try_out=in_sandbox(process_sandbox))
    assert "the audit refused it 2 times: step.py:3 imports sys" in dropped(desk)
    assert "step.py:3 imports os" in desk.prompt("repair")
    assert desk.steps == [*STEPS, "repair"]


# Reviews


@pytest.mark.parametrize(
    "review",
    [
        {**GO, "verdict": "drop", "problems": ["It was refuted as node 3."]},
        {**GO, "cheats_or_reseeds": True, "problems": ["It was refuted as node 3."]},
    ],
)
def test_a_review_may_drop_an_idea_before_it_is_written(review: dict[str, Any]) -> None:
    desk = ScriptedDesk({"review": review})
    why = dropped(desk)
    assert why == "the review dropped 'Decay the rate': It was refuted as node 3."
    assert desk.steps == STEPS[:3]


def test_a_review_may_send_an_idea_back_once() -> None:
    revise = {**GO, "verdict": "revise", "advice": "Say how fast."}
    second = {**IDEA, "title": "Decay linearly"}
    desk = ScriptedDesk({"review": revise, "propose/2": second})
    assert propose(desk).idea.startswith("Decay linearly: ")
    assert desk.steps == ["diagnose", "propose", "review", "propose/2", "review/2", "write"]
    assert "Say how fast." in desk.prompt("propose/2")
    desk = ScriptedDesk({"review": {**revise, "implementable": False}})
    assert "the review dropped" in dropped(desk)
    assert desk.steps[-1] == "review/2"


# Other variants


def test_an_architect_an_engineer_and_a_tester_hand_each_other_documents() -> None:
    fail = {"matches_design": False, "problems": ["No decay."], "verdict": "fail", "advice": "Do."}
    desk = ScriptedDesk({"engineer": patch("0.02", "0.03"), "engineer/2": PATCH, "qa": fail})
    desk.script["qa/2"] = SCRIPT["qa"]
    made = researcher_roles.create().propose(brief(TASK, desk))
    assert desk.steps == ["architect", "engineer", "qa/1", "engineer/2", "qa/2"]
    assert made.files == {"step.py": DECAYED}
    assert made.proposer == "researcher_roles"
    assert made.notes["diagnosis"] == "The rate never decays."
    assert "progress is used" in desk.prompt("engineer")
    assert "What the search knows" not in desk.prompt("engineer")
    assert "No decay." in desk.prompt("engineer/2")
    assert len(desk.tried) == 1


def test_a_conductor_asks_experts_that_see_neither_history_nor_each_other() -> None:
    desk = ScriptedDesk({"expert": "Answer A.", "expert/2": "Answer B."})
    nodes = [node(1, 0, idea="a secret of the history")]
    made = researcher_conductor.create().propose(brief(TASK, desk, nodes))
    assert desk.steps == ["conduct", "expert/1", "expert/2", "conclude", "review", "write"]
    assert made.proposer == "researcher_conductor"
    assert "a secret of the history" in desk.prompt("conduct")
    for name in ("expert/1", "expert/2"):
        assert "| RATE = 0.02" in desk.prompt(name)
        assert "a secret of the history" not in desk.prompt(name)
    assert "Question two?" not in desk.prompt("expert/1")
    assert "Answer A." not in desk.prompt("expert/2")
    assert "Answer A." in desk.prompt("conclude")
    assert "Answer B." in desk.prompt("conclude")
    many = {"thoughts": "", "experts": [{"field": "f", "instruction": "i"}] * 9}
    desk = ScriptedDesk({"conduct": many})
    researcher_conductor.create().propose(brief(TASK, desk))
    assert sum(name.startswith("expert") for name in desk.steps) == 3


# The notebook


def test_a_notebook_is_written_once_enough_is_settled_and_read_by_later_proposals() -> None:
    nodes = [node(1), confirmed(2, 0, 0.4), *(node(n) for n in range(3, 8))]
    assert notebook.HEADING not in propose(ScriptedDesk(), *nodes).notes
    desk = ScriptedDesk()
    made = propose(desk, *nodes, node(8))
    assert desk.steps == ["distil", *STEPS]
    book = notebook.parse(made.notes[notebook.HEADING])
    assert book is not None
    assert (book.version, book.known) == (1, ((1, 8),))
    assert "lesson 1: Decay helps." in desk.prompt("diagnose")
    beside = propose(ScriptedDesk(), *nodes, node(8), node(9))
    assert notebook.HEADING not in beside.notes, "one of those made side by side is enough"
    reader = ScriptedDesk()
    later = node(9, notes=made.notes)
    assert notebook.HEADING not in propose(reader, *nodes, node(8), later).notes
    assert "lesson 1: Decay helps." in reader.prompt("diagnose")
    assert "Lesson 1 rests on:\n- node 2" in reader.prompt("diagnose")
    again = ScriptedDesk()
    more = [node(n) for n in range(10, 17)]
    third = propose(again, *nodes, node(8), later, *more)
    assert third.notes[notebook.HEADING].startswith("notebook 2, knows 1-16\n")
    asked = again.prompt("distil")
    assert "node 16" in asked
    assert "node 3 " not in asked.partition("Results, newest first")[2]


# Determinism, kills, threads


def test_equal_briefs_lead_to_equal_requests() -> None:
    nodes = [node(n) for n in range(1, 9)]
    one, other = ScriptedDesk({"write": patch("no", "")}), ScriptedDesk({"write": patch("no", "")})
    other.thread = "another/1.0"
    dropped(one, *nodes)
    dropped(other, *nodes)
    assert one.asked == other.asked
    second = ScriptedDesk(thread="run/1.1")
    propose(second)
    assert "attempt 2" in second.prompt("propose")


class Cut(BaseException):
    """As if the process had been killed."""


@pytest.mark.parametrize("error", [Cut(), BudgetSpent("no more"), ModelError("it is dead")])
@pytest.mark.parametrize("step", ["diagnose", "review", "write", "repair"])
def test_a_proposal_that_was_cut_short_goes_on_where_it_was(
    tmp_path: Path, step: str, error: BaseException
) -> None:
    file, before = tmp_path / "checkpoints.db", [*STEPS, "repair"]

    def try_out(files: Mapping[str, str]) -> Tried:
        return Tried(status="ok" if "progress) *" in files["step.py"] else "crashed", log="no")

    script = {
        "write": patch("-RATE", "-2 * RATE"),
        "repair": patch("-2 * RATE * grad", "-RATE * (1.0 - progress) * grad"),
    }
    whole = propose(ScriptedDesk(script, try_out=try_out))
    cut = ScriptedDesk({**script, step: error}, checkpoints=file, try_out=try_out)
    with pytest.raises(type(error)) as caught:
        propose(cut)
    assert caught.value is error
    assert cut.steps == before[: before.index(step) + 1]
    rest = ScriptedDesk(script, checkpoints=file, try_out=try_out)
    assert propose(rest) == whole
    assert rest.steps == before[before.index(step) :]
    again = ScriptedDesk(script, checkpoints=file, try_out=try_out)
    assert propose(again) == whole, "the thread was pruned at its end"
    assert again.steps == before


KILLED = """
import os, signal, sys
from pathlib import Path
from conftest import BOWL
from langgraph.checkpoint.sqlite import SqliteSaver
from stand_ins.scripted import ScriptedDesk, brief
from ratchet.agents.researcher import Researcher
from ratchet.tasks import load

class Dying(ScriptedDesk):
    def _answer(self, step, role, messages):
        if step == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._answer(step, role, messages)

    def try_out(self, files):
        if sys.argv[2] == "try":
            os.kill(os.getpid(), signal.SIGKILL)
        return super().try_out(files)

if sys.argv[2] == "end":
    SqliteSaver.delete_thread = lambda self, thread: os.kill(os.getpid(), signal.SIGKILL)
Researcher().propose(brief(load(BOWL), Dying(checkpoints=Path(sys.argv[1]))))
"""


@pytest.mark.parametrize(("step", "left"), [("diagnose", 4), ("review", 2), ("try", 0), ("end", 0)])
def test_a_killed_process_repeats_the_step_in_flight_alone(
    tmp_path: Path, step: str, left: int
) -> None:
    file = tmp_path / "checkpoints.db"
    assert _python(KILLED, {}, str(file), step).returncode == -9
    desk = ScriptedDesk(checkpoints=file)
    assert propose(desk) == propose(ScriptedDesk())
    assert desk.steps == STEPS[len(STEPS) - left :]
    assert len(desk.tried) == (step != "end")


def test_a_checkpoint_of_another_brief_is_not_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.db"
    with pytest.raises(Cut):
        propose(ScriptedDesk({"write": Cut()}, checkpoints=file))
    desk = ScriptedDesk(checkpoints=file)
    propose(desk, node(1))
    assert desk.steps == STEPS


def test_proposals_in_several_threads_do_not_mix(tmp_path: Path) -> None:
    def make(number: int) -> Candidate:
        rate = f"0.{number + 1}"
        desk = ScriptedDesk(
            {"write": patch("0.02", rate), "propose": {**IDEA, "title": f"Rate {rate}"}},
            thread=f"run/{number}.0",
            checkpoints=tmp_path / "checkpoints.db",
        )
        return propose(desk)

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(make, range(8)))
    for number, each in enumerate(made):
        assert f"RATE = 0.{number + 1}\n" in each.files["step.py"]
        assert each.idea.startswith(f"Rate 0.{number + 1}:")


def test_with_a_model_server_nothing_that_was_answered_is_asked_again(
    tmp_path: Path, process_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = {"Diagnosis": "diagnose", "Idea": "propose", "Review": "review", "Patch": "write"}
    dead = threading.Event()
    dead.set()

    def answer(asked: Asked) -> Reaction | str:
        if asked.schema == "Patch" and dead.is_set():
            return failing(401, "no such key")
        return json.dumps(SCRIPT[forms[str(asked.schema)]])

    archive = Archive(tmp_path / "a.db", create=True)
    archive.start_run("run", TASK, {"task": "bowl"})
    models = Models(ensemble=("test-model",))
    with ModelServer(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

        def offer(checkpoints: Path) -> Candidate:
            with Endpoint.from_environment() as endpoint:
                cassette = Cassette(archive, "run", endpoint, Budget(), {})
                desk = RunDesk("run/1.0", TASK, process_sandbox, cassette, models, checkpoints)
                like = brief(TASK, ScriptedDesk())
                return Researcher().propose(Brief(TASK, like.parent, like.tree, like.rng, desk))

        with pytest.raises(ModelError):
            offer(tmp_path / "c.db")
        dead.clear()
        before = len(server.asked)
        made = offer(tmp_path / "c.db")
        assert canonical(made.files) == canonical({"step.py": DECAYED})
        assert made.notes["model"] == "test-model"
        assert [each.schema for each in server.asked[before:]] == ["Patch"]
        before = len(server.asked)
        assert offer(tmp_path / "lost.db") == made
        assert len(server.asked) == before, "the cassette knows it all"


# What must not leave, and what must not be loaded

RUN = """
from conftest import BOWL
from stand_ins.scripted import ScriptedDesk, brief
from ratchet.agents.researcher import Researcher
from ratchet.tasks import load
print(Researcher().propose(brief(load(BOWL), ScriptedDesk())).idea)
"""


class Collector(BaseHTTPRequestHandler):
    """Takes note of every request, and lets none wait."""

    server: "Collecting"

    def do_POST(self) -> None:
        self.server.paths.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(202)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PATCH = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass


class Collecting(ThreadingHTTPServer):
    """A third party that would be glad of traces."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Collector)
        self.paths: list[str] = []


@pytest.mark.parametrize(
    "switch", ["LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGCHAIN_TRACING"]
)
def test_requests_leave_for_no_third_party_whatever_the_environment_says(switch: str) -> None:
    with Collecting() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        said = {switch: "true", "LANGSMITH_ENDPOINT": url, "LANGSMITH_API_KEY": "lsv2_test"}
        done = _python(RUN, said)
        server.shutdown()
        thread.join(10)
    assert "Decay the rate" in done.stdout, done.stderr
    assert server.paths == []


def test_no_agent_and_not_the_command_line_load_a_graph_library() -> None:
    code = """
import sys
import pkgutil, importlib
import ratchet.agents, ratchet.app.cli.main
for module in pkgutil.iter_modules(ratchet.agents.__path__, "ratchet.agents."):
    importlib.import_module(module.name)
assert {"hybrid", "toolsmith", "aide", "adas", "dgm", "archived", "itself", "researcher"} <= {
    name.rpartition(".")[2] for name in sys.modules
}
heavy = {"langgraph", "langchain_core", "langsmith", "openai"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    assert _python(code, {}).stdout.strip() == "[]"


def _python(
    code: str, environment: Mapping[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "PYTHONPATH": str(HERE), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
