"""The shipped checks of agents, for those that ask a model and those that run in the sandbox."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from conftest import BOWL
from stand_ins.scripted import GO, IDEA, PATCH, START, ScriptedDesk

from ratchet.agents import itself
from ratchet.agents.archived import Archived, guest_program
from ratchet.agents.base import Agent, Desk
from ratchet.agents.conformance import CHECKS, check_agent
from ratchet.agents.opening import names
from ratchet.sandbox import Job, Result, Sandbox
from ratchet.tasks import Task, load

AGENTS = load("research_agent")
FREE = {"best_of_n", "evolver", "random_tweak", "seed_only"}  # test_conformance.py has these
MODELS = [
    "adas",
    "aide",
    "dgm",
    "hybrid",
    "researcher",
    "researcher_conductor",
    "researcher_roles",
    "toolsmith",
]
FASTER = START.replace("0.02", "0.03")
LONGER = {"file": "schedule.py", "search": "WARMUP = 0.1", "replace": "WARMUP = 0.2"}
COMMENTS = b"""
def propose(brief):
    files = dict(brief.parent["files"])
    name = min(files)
    files[name] += f"# {brief.rng.uniform(0.0, 1.0)}\\n"
    return {"files": files, "idea": "a comment", "parent": brief.parent["number"]}
"""
WHOLE = {
    "plan": "Take longer steps.",
    "thought": "The start is timid.",
    "name": "Longer steps",
    "reflection": "None.",
    "files": [{"file": "step.py", "text": FASTER}],
}
REPORT = {
    "log_summary": "It stops far out.",
    "potential_improvements": ["decay"],
    "improvement_proposal": "Decay the rate to zero.",
    "implementation_suggestion": "Multiply RATE by one minus progress.",
    "problem_description": "The step does not shrink towards the end.",
}
SCRIPT: dict[str, Any] = {
    **dict.fromkeys(("draft", "improve", "debug", "design", "reflect", "mend"), WHOLE),
    "explain": {**IDEA, "explanations": [{"node": 1, "mechanism": "Decay.", "keep": True}]},
    **dict.fromkeys(("recombine", "repair"), PATCH),
    "review": GO,
    "act/1": {"thought": "", "call": {"tool": "write", "file": "step.py", "text": FASTER}},
    "act/2": {"thought": "The steps are longer.", "call": {"tool": "submit"}},
    "agent": "Nothing to say.",
}


SCRIPTS: dict[str, dict[str, Any]] = {
    "dgm": {"diagnose": REPORT},
    "hybrid": {step: {"edits": [LONGER]} for step in ("write", "recombine", "repair")},
}
TASKS = {"hybrid": "schedule"}  # the evolver has little to change in the bowl


class Workbench(ScriptedDesk):  # type: ignore[misc]  # its module is found at run time alone
    """A scripted desk with a sandbox, whose measurements are free."""

    def __init__(self, sandbox: Sandbox, script: dict[str, Any]) -> None:
        super().__init__({**SCRIPT, **script})
        self._sandbox = sandbox

    def run(self, job: Job) -> Result:
        return self._sandbox.run(job)

    @contextmanager
    def charge(self, trials: int) -> Iterator[None]:
        yield


DeskFor = Callable[[Task], Desk]


def desks(sandbox: Sandbox, **script: Any) -> DeskFor:
    return lambda task: Workbench(sandbox, script)


def test_no_agent_of_the_library_goes_unchecked() -> None:
    assert set(names()) == {*FREE, *MODELS, "itself"}


@pytest.mark.parametrize("name", MODELS)
def test_an_agent_that_asks_a_model_keeps_the_contract(name: str, process_sandbox: Sandbox) -> None:
    script, task = SCRIPTS.get(name, {}), load(TASKS.get(name, BOWL))
    create = import_module(f"ratchet.agents.{name}").create
    assert check_agent(create, desks(process_sandbox, **script), [task]) == []


@pytest.mark.parametrize("check", CHECKS)
def test_an_agent_from_an_archive_keeps_the_contract(check: str, process_sandbox: Sandbox) -> None:
    def create() -> Agent:
        return Archived(AGENTS.start, guest_program(AGENTS), "agent x.0")

    assert check_agent(create, desks(process_sandbox), [load(BOWL)], [check]) == []


def test_an_agent_that_changes_itself_keeps_the_contract(process_sandbox: Sandbox) -> None:
    files = {name: text for name, text in AGENTS.files.items() if "baselines/" not in name}
    task = Task({**files, "start/agent.py": COMMENTS})
    assert check_agent(itself.create, desks(process_sandbox), [task]) == []
