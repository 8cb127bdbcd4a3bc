"""The research_prompts task: agents that ask a model search, with the model played by functions."""

import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from statistics import fmean

import pytest
from conftest import BOWL
from stand_ins.played import FILTER, PLAN, Played, decent
from stand_ins.programs import probe
from stand_ins.scripted import START as BOWL_START
from stand_ins.scripted import node

from ratchet.agents.archived import Archived, guest_program
from ratchet.agents.base import Brief
from ratchet.agents.evolver import evolve
from ratchet.agents.llm import Message
from ratchet.archive import Tree
from ratchet.evals import Ask, Candidate, Seed, Split, Trial, audit, measure
from ratchet.evals.gateway import ROUNDS
from ratchet.sandbox import Sandbox
from ratchet.search.desk.desk import RunDesk
from ratchet.tasks import load

TASK = load("research_prompts")
START = TASK.start["agent.py"]
DRAW = Random("test research_prompts")
SEEDS = [Seed(train=DRAW.getrandbits(63), sealed=DRAW.getrandbits(63)) for _ in range(4)]
CALLS = 12  # of a search
HEAD = """
def propose(brief):
    files = dict(brief.parent["files"])
    (name, text), = files.items()
"""
SAME = "    return {'files': {name: text + '\\n# same'}, 'idea': ''}\n"


def run(
    sandbox: Sandbox, text: str, model: Played, count: int = 2, role: Split = "glance"
) -> tuple[Trial, ...]:
    candidate = Candidate(files={"agent.py": text}, idea="", proposer="test")
    return measure(candidate, TASK, sandbox, SEEDS[:count], role, model)


def mean(trials: Sequence[Trial]) -> float:
    assert {trial.status for trial in trials} == {"ok"}, trials[0].log
    return fmean(trial.score or 0.0 for trial in trials)


def test_the_programs_of_the_task_pass_the_audit() -> None:
    assert TASK.manifest.candidate == "agent"
    assert TASK.manifest.model
    assert set(TASK.baselines) == {"direct", "no_model"}
    assert TASK.baselines["no_model"] == load("research_agent").start
    programs = [TASK.start, *TASK.baselines.values(), TASK.crippled or {}]
    assert [audit(files, TASK).refused for files in programs] == [()] * 4
    assert set(TASK.trainer.shown) == {
        *("guest.py", "allowance.py", "candidate.py", "shared.py", "stepper.py", "vocabulary.py")
    }


@pytest.mark.parametrize("role", ["dev", "transfer"])
def test_with_a_decent_model_the_start_beats_the_crippled_agent(
    process_sandbox: Sandbox, role: Split
) -> None:
    assert TASK.crippled is not None
    model, idle = Played(), Played()
    trials = run(process_sandbox, START, model, role=role)
    assert set(trials[0].scores) == set(getattr(TASK.manifest.workloads, role))
    assert mean(trials) > 0.4
    assert mean(run(process_sandbox, TASK.crippled["agent.py"], idle, role=role)) == 0.0
    assert idle.rounds == []
    assert len(model.rounds) == CALLS == ROUNDS
    # Searches of all workloads and seeds advance side by side.
    assert {len(asks) for asks in model.rounds} == {2 * len(trials[0].scores)}


def test_every_baseline_searches(process_sandbox: Sandbox) -> None:
    fences = Played(lambda ask: f"```python\n{FILTER.format(number=0.25)}```")
    assert mean(run(process_sandbox, TASK.baselines["direct"]["agent.py"], fences)) > 0.3
    assert [len(asks) for asks in fences.rounds] == [2] * 8
    assert "exponential average" in fences.rounds[0][0].prompt
    idle = Played()
    assert mean(run(process_sandbox, TASK.baselines["no_model"]["agent.py"], idle)) > 0.0
    assert idle.rounds == []


def test_questions_lead_from_a_plan_to_a_program(process_sandbox: Sandbox) -> None:
    model = Played()
    run(process_sandbox, START, model, 1)
    prompts = list(model.asked.values())
    assert all("follows levels through noise" in prompt for prompt in prompts)
    assert all("Say what limits" in prompt and PLAN not in prompt for prompt in prompts[::2])
    assert all("Write the change" in prompt and PLAN in prompt for prompt in prompts[1::2])
    assert "program 1, from 0: +" in prompts[2]
    assert "Normalise, and let the rate fall." in prompts[2]


def test_a_search_repeats_and_its_ids_do_not_depend_on_its_company(
    process_sandbox: Sandbox, isolated_sandbox: Sandbox
) -> None:
    model, walled, alone = Played(), Played(), Played()
    together = run(process_sandbox, START, model, 2)
    behind_walls = run(isolated_sandbox, START, walled, 2)
    assert [trial.scores for trial in behind_walls] == [trial.scores for trial in together]
    candidate = Candidate(files={"agent.py": START}, idea="", proposer="test")
    apart = [
        measure(candidate, TASK, process_sandbox, [seed], "glance", alone)[0] for seed in SEEDS[:2]
    ]
    assert [trial.scores for trial in apart] == [trial.scores for trial in together]
    assert alone.asked == model.asked == walled.asked
    expected = {f"tracking/{seed.train}/{call}" for seed in SEEDS[:2] for call in range(CALLS)}
    assert set(model.asked) == expected


def test_calls_and_their_length_are_bounded(process_sandbox: Sandbox) -> None:
    text = HEAD + (
        "    said = [brief.ask(f'{len(brief.nodes)} {n}') for n in range(4)]\n"
        "    assert any(said) == (len(brief.nodes) <= 3), said\n"
        "    assert brief.ask('x' * 16001) == ''\n" + SAME
    )
    model = Played(lambda ask: "yes")
    trials = run(process_sandbox, text, model, 1)
    assert mean(trials) == 0.0
    assert list(model.asked.values()) == [f"{n} {m}" for n in (1, 2, 3) for m in range(4)]
    assert "28 questions got an empty reply" in trials[0].log


def broken(ask: Ask) -> str:
    return "```python\ndef track(seen:\n```"


UNUSABLE: dict[str, Callable[[Ask], str]] = {
    "says nothing": lambda ask: "",
    "does not write Python": broken,
    "promises": lambda ask: "IDEA: a gain of 99\n```python\nGAIN = 99.0\n```",
    "lies of files": lambda ask: "FILE: ../grader.py\n```python\nx = 1\n```",
    "fences badly": lambda ask: "``` ```` ```python\n\ud7ff\n``````FILE:\n```",
}


@pytest.mark.parametrize("reply", UNUSABLE)
def test_with_an_unusable_model_the_start_scales_numbers(
    process_sandbox: Sandbox, reply: str
) -> None:
    model = Played(UNUSABLE[reply])
    trials = run(process_sandbox, START, model, 3)
    assert mean(trials) > 0.0
    assert model.rounds


def test_a_program_that_does_not_run_is_repaired(process_sandbox: Sandbox) -> None:
    def clumsy(ask: Ask) -> str:
        return broken(ask) if "The program does not run" not in ask.prompt else decent(ask)

    model = Played(lambda ask: clumsy(ask) if "FILE: name" in ask.prompt else PLAN)
    assert mean(run(process_sandbox, START, model)) > 0.2
    repairs = [prompt for prompt in model.asked.values() if "The program does not run" in prompt]
    assert len(repairs) == 2 * CALLS // 3
    assert all("SyntaxError" in prompt for prompt in repairs)


def test_reviews_are_a_number_away(process_sandbox: Sandbox) -> None:
    model = Played()
    text = START.replace("REVIEW_ABOVE = 1.0", "REVIEW_ABOVE = 0.8")
    run(process_sandbox, text, model, 1)
    reviews = [prompt for prompt in model.asked.values() if "You did not write this" in prompt]
    assert len(reviews) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def propose(:\n", "does not import"),
        (HEAD + "    raise KeyError('lost')\n", "KeyError: 'lost'"),
        (HEAD + "    return {'files': {name: brief.ask(text)[:0] or 3}}\n", "names and texts"),
        (HEAD + "    brief.ask('\\ud800')\n", "no valid text"),
        (HEAD + "    brief.ask('')\n", "1 to 60000 characters"),
        (HEAD + "    for n in range(13):\n        brief.ask('?')\n", "more than 12"),
        (
            "import os\n" + HEAD + "    brief.ask(f'Who is {os.urandom(4)}?')\n" + SAME,
            "agent.py is not deterministic",
        ),
    ],
)
def test_a_broken_agent_is_the_candidates_fault(
    process_sandbox: Sandbox, text: str, reason: str
) -> None:
    trials = run(process_sandbox, text, Played(), 1)
    assert [trial.status for trial in trials] == ["candidate_error"]
    assert reason in trials[0].log


def test_a_probe_needs_no_model_and_tells_agents_and_prompts_apart(
    process_sandbox: Sandbox,
) -> None:
    texts = [
        START,
        START.replace("Say what limits", "Tell me what limits"),
        START.replace("STEP = 0.5", "STEP = 0.6"),
        *(files["agent.py"] for files in TASK.baselines.values()),
    ]
    shown = [probe(process_sandbox, TASK, text) for text in texts]
    assert [each.status for each in shown] == ["ok"] * 5, [each.log for each in shown]
    assert len({each.reply for each in shown}) == 5
    assert probe(process_sandbox, TASK, START + "\n# a comment\n").reply == shown[0].reply
    prompts, nodes = json.loads(shown[0].reply)[0]
    assert len(prompts) == CALLS
    assert len(nodes) == 9


def test_the_probe_finds_agents_that_rely_on_usable_replies(process_sandbox: Sandbox) -> None:
    text = HEAD + "    brief.ask(f'{len(brief.nodes)} {text}').index('```')\n" + SAME
    found = probe(process_sandbox, TASK, text)
    assert found.status == "candidate_error"
    assert "substring not found" in found.log


def test_the_evolver_makes_agents_that_run(process_sandbox: Sandbox) -> None:
    parent = Candidate(files=TASK.start, idea="", proposer="")
    children = [evolve(TASK, parent, [], Random(seed)) for seed in range(8)]
    assert not any(audit(child.files, TASK).refused for child in children)
    shown = [probe(process_sandbox, TASK, child.files["agent.py"]) for child in children]
    assert sum(each.status == "ok" for each in shown) >= 5
    assert len({each.reply for each in shown}) > 3


class Scripted(RunDesk):
    """A desk whose model follows a script."""

    def __init__(self, sandbox: Sandbox, *script: str) -> None:
        super().__init__("run/1.0", load(BOWL), sandbox, None, None)
        self.script, self.asked = list(script), list[str]()

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        self.asked.append(messages[0].content)
        return self.script.pop(0)

    def model(self, role: str) -> str:
        return "scripted" if self.script or self.asked else ""


def offered(desk: Scripted, files: Mapping[str, str]) -> Candidate:
    start = node(0, None, BOWL_START)
    agent = Archived(files, guest_program(TASK), "agent x.1")
    return agent.propose(Brief(load(BOWL), start, Tree([start]), Random(1), desk))


def test_the_same_agent_proposes_for_a_real_task(process_sandbox: Sandbox) -> None:
    better = BOWL_START.replace("-RATE * grad", "-RATE * (1.0 - progress) * grad")
    broken = f"FILE: step.py\n```python\n{better})\n```"
    desk = Scripted(process_sandbox, PLAN, broken, f"FILE: step.py\n```python\n{better}```")
    offer = offered(desk, TASK.start)
    assert offer.files == {"step.py": better}
    assert offer.idea == "Normalise, and let the rate fall."
    assert len(desk.asked) == 3
    assert "noisy ten-dimensional quadratic" in desk.asked[0]
    assert BOWL_START in desk.asked[0]


@pytest.mark.parametrize("agent", ["start", "direct", "no_model"])
def test_on_a_real_task_it_does_without_a_model_or_a_usable_reply(
    process_sandbox: Sandbox, agent: str
) -> None:
    files = {"start": TASK.start, **TASK.baselines}[agent]
    for script in ((), ("No.",) * 4):
        offer = offered(Scripted(process_sandbox, *script), files)
        assert set(offer.files) == {"step.py"}
        assert agent == "direct" or offer.files["step.py"] != BOWL_START
