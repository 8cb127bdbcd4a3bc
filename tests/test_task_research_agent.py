"""The research_agent task: agents search, what they find is run again, and cheating is no use."""

import dataclasses
import json
import statistics
from collections.abc import Mapping
from random import Random

import pytest
from stand_ins.programs import grade, probe, train

from ratchet.agents.evolver import evolve
from ratchet.evals import Candidate, audit
from ratchet.sandbox import Job, Program, Sandbox
from ratchet.tasks import load

TASK = load("research_agent")
START = TASK.start["agent.py"]
DRAW = Random("test research_agent")
SEEDS, SEALED = ([DRAW.getrandbits(63) for _ in range(6)] for _ in range(2))
EVERY = (*TASK.manifest.workloads.dev, *TASK.manifest.workloads.transfer)
HEAD = """
def propose(brief):
    files = dict(brief.parent["files"])
    (name, text), = files.items()
"""
SAME = HEAD + "    return {'files': {name: text + '\\n# same'}, 'idea': ''}\n"
TEXTS = b"""
import json, families
def run(request, guest):
    found = {name: [each.start, each.known] for name, each in families.FAMILIES.items()}
    return json.dumps(found).encode()
"""
STEPS = b"""
import json, stepper, torch
def remark(text):
    try:
        stepper.Stepper(text, "update").step(torch.ones(2, 2), 0.0)
    except stepper.Refused as refused:
        return str(refused)
    return ""
def run(request, guest):
    return json.dumps([remark(text) for text in json.loads(request)]).encode()
"""


def found(sandbox: Sandbox, text: str, workload: str, count: int) -> list[str]:
    """What the searches of an agent end with."""
    result = train(sandbox, TASK, text, [workload], SEEDS[:count])
    assert result.status == "ok", result.log
    texts: list[str] = json.loads(result.reply)[0]
    return texts


def scored(
    sandbox: Sandbox, texts: list[str], workload: str, grader: Program = TASK.grader
) -> list[float]:
    """The sealed scores of programs, one a seed."""
    count = len(texts)
    artefact = json.dumps([texts]).encode()
    graded = grade(sandbox, TASK, [workload], SEEDS[:count], SEALED[:count], artefact, grader)
    scores: list[float] = graded["scores"][workload]
    return scores


def gained(sandbox: Sandbox, text: str, workload: str, count: int = 3) -> list[float]:
    return scored(sandbox, found(sandbox, text, workload, count), workload)


def test_the_folder_is_a_task_whose_candidates_are_agents() -> None:
    assert TASK.manifest.candidate == "agent"
    assert load("optimizer").manifest.candidate == "algorithm"
    assert set(TASK.baselines) == {"greedy", "random_tweak", "restarts"}
    programs = [TASK.start, *TASK.baselines.values(), TASK.crippled or {}]
    assert [audit(files, TASK).refused for files in programs] == [()] * 5


def test_the_audit_refuses_what_a_search_has_no_need_of() -> None:
    for text in ("import os", "import random", "eval('1')", "class Agent:\n    pass", "open('x')"):
        assert audit({"agent.py": f"{text}\n{START}"}, TASK).refused


@pytest.fixture(scope="module")
def texts(process_sandbox: Sandbox) -> Mapping[str, list[str]]:
    """By workload the program that a search starts with, and one known to be good."""
    job = Job(Program({**TASK.grader.files, "texts.py": TEXTS}, "texts"), b"")
    found: dict[str, list[str]] = json.loads(process_sandbox.run(job).reply)
    return found


@pytest.mark.parametrize("workload", EVERY)
def test_a_known_program_scores_about_one_and_the_start_nothing(
    process_sandbox: Sandbox, texts: Mapping[str, list[str]], workload: str
) -> None:
    start, known = texts[workload]
    assert scored(process_sandbox, [start] * 6, workload) == [0.0] * 6
    scores = scored(process_sandbox, [known] * 6, workload)
    assert 0.5 < statistics.mean(scores) < 1.6
    assert sum(score > 0.0 for score in scores) >= 5
    assert all(-1.0 <= score <= 2.0 for score in scores)


@pytest.mark.parametrize("workload", TASK.manifest.workloads.dev)
def test_the_start_finds_something_and_the_crippled_agent_nothing(
    process_sandbox: Sandbox, workload: str
) -> None:
    assert TASK.crippled is not None
    assert gained(process_sandbox, TASK.crippled["agent.py"], workload) == [0.0] * 3
    assert statistics.mean(gained(process_sandbox, START, workload)) > 0.1


@pytest.mark.parametrize("workload", EVERY)
def test_every_baseline_searches(process_sandbox: Sandbox, workload: str) -> None:
    for files in TASK.baselines.values():
        assert found(process_sandbox, files["agent.py"], workload, 1)


def test_a_search_repeats_in_any_box_and_company(
    process_sandbox: Sandbox, isolated_sandbox: Sandbox
) -> None:
    texts = found(process_sandbox, START, "tracking", 3)
    assert found(isolated_sandbox, START, "tracking", 3) == texts
    assert found(process_sandbox, START, "tracking", 1) == texts[:1]
    assert scored(isolated_sandbox, texts, "tracking") == scored(process_sandbox, texts, "tracking")


def test_the_probe_tells_agents_apart(process_sandbox: Sandbox) -> None:
    greedy = START.replace("GREED = 6.0", "GREED = 60.0")
    texts = [START, greedy, *(files["agent.py"] for files in TASK.baselines.values())]
    shown = [probe(process_sandbox, TASK, text) for text in texts]
    assert {each.status for each in shown} == {"ok"}
    assert len({each.reply for each in shown}) == len(texts)
    assert probe(process_sandbox, TASK, START + "\n# a comment\n").reply == shown[0].reply


def test_the_evolver_makes_agents_that_run(process_sandbox: Sandbox) -> None:
    parent = Candidate(files=TASK.start, idea="", proposer="")
    children = [evolve(TASK, parent, [], Random(seed)) for seed in range(12)]
    assert not any(audit(child.files, TASK).refused for child in children)
    shown = [probe(process_sandbox, TASK, child.files["agent.py"]) for child in children]
    assert sum(each.status == "ok" for each in shown) >= 9
    assert len({each.reply for each in shown}) > 4


def test_a_brief_tells_what_it_promises(process_sandbox: Sandbox) -> None:
    text = HEAD + (
        "    assert set(brief.nodes[0]) == {'number', 'parent', 'files', 'gain', 'error',\n"
        "        'seeds', 'standing', 'idea'}\n"
        "    assert [node['number'] for node in brief.nodes] == list(range(len(brief.nodes)))\n"
        "    assert brief.nodes[0]['gain'] == 0.0 and brief.nodes[0]['standing'] == 'start'\n"
        "    assert brief.best['gain'] == max(node['gain'] or 0.0 for node in brief.nodes)\n"
        "    assert 0.0 < brief.left <= 1.0 and name in brief.statement\n"
        "    assert all(set(motif) == {'name', 'code'} for motif in brief.motifs)\n"
        "    bad = brief.try_out({name: 'def nothing(): pass'})\n"
        "    assert not bad['ok'] and 'must define a function' in bad['log']\n"
        "    assert brief.try_out(files) == {'ok': True, 'log': ''}\n"
        "    try:\n        brief.ask('Who?')\n"
        "    except RuntimeError:\n        return {'files': files, 'idea': 'no model'}\n"
    )
    assert gained(process_sandbox, text, "bowl", 1) == [0.0]


def test_a_program_that_fails_costs_its_evaluation_and_no_more(
    process_sandbox: Sandbox, texts: Mapping[str, list[str]]
) -> None:
    broken = HEAD + "    return {'files': {name: 'def ('}, 'idea': ''}\n"
    assert gained(process_sandbox, broken, "bowl", 1) == [0.0]
    start = texts["bowl"][0]
    endless = start.replace("    step =", "    while True:\n        pass\n    step =")
    assert scored(process_sandbox, ["def (", start, endless], "bowl") == [0.0, 0.0, 0.0]


LEADING_AWAY = (
    ("import time", "may import"),
    ("import os.path as math", "may import"),
    ("import torch.utils.benchmark", "may import"),
    ("from random import random", "may import"),
    ("from . import stepper", "may import"),
    ("from torch import *", "may not use *"),
    ("from torch import os", "may not use os"),
    ("from torch import _utils", "may not use _utils"),
    ("clock = torch.time.time()", "may not use time"),
    ("drawn = torch.random.os.urandom(1)", "may not use urandom"),
    ("kind = ().__class__", "may not use __class__"),
    ("kept = torch._C", "may not use _C"),
    ("kept = torch.empty(9)", "may not use empty"),
    ("torch.add = None", "may not assign to .add"),
    ("match torch:\n        case object(os=system): pass", "may not use os"),
    ("time = __import__('time')", "may not use __import__"),
    ("kept = open('/tmp/kept', 'w')", "name 'open' is not defined"),
    ("place = hash(update)", "name 'hash' is not defined"),
    ("kept = input()", "name 'input' is not defined"),
    ("if progress < 0: open = None\n    open('/tmp/kept')", "cannot access local variable 'open'"),
    ("class Kept: pass", "__build_class__ not found"),
)
HONEST = """
import math
import torch.nn.functional as F
from torch import Tensor, linalg

def update(grad: Tensor, state, progress):
    input = F.normalize(grad.select(0, 0), dim=0) + linalg.norm(grad).clamp_(max=9.0)
    return -math.cos(math.pi) * grad * input.sum(), {**state, "count": len(state)}
"""


def test_a_proposed_program_takes_torch_and_math_and_nothing_else(process_sandbox: Sandbox) -> None:
    head = "import torch\n\ndef update(grad, state, progress):\n"
    programs = [f"{head}    {line}\n    return grad, state\n" for line, _ in LEADING_AWAY]
    steps = Program({**TASK.grader.files, "steps.py": STEPS}, "steps")
    result = process_sandbox.run(Job(steps, json.dumps([*programs, HONEST]).encode()))
    *refused, honest = json.loads(result.reply)
    for remark, (_, reason) in zip(refused, LEADING_AWAY, strict=True):
        assert reason in remark
    assert honest == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def propose(:\n", "does not import"),
        ("def other(brief): pass\n", "must define a function propose()"),
        (HEAD + "    raise KeyError('lost')\n", "KeyError: 'lost'"),
        (HEAD + "    return files\n", "must return a dict with"),
        (HEAD + "    return {'files': {name: 3}}\n", "names and texts"),
        (HEAD + "    return {'files': {name: 'x' * 30_000}}\n", "at most 20000"),
        (HEAD + "    return {'files': {'other.py': text}}\n", "must return the one file"),
        (HEAD + "    return {'files': files, 'parent': 99}\n", "the number of a node"),
        (HEAD + "    while True:\n        brief.try_out(files)\n", "more than 12"),
        (HEAD + "    while True:\n        text = text[:9]\n", "longer than 2 s of CPU time"),
        (
            "count = []\n" + HEAD + "    count.append('#')\n"
            "    brief.try_out({name: text + ''.join(count)})\n",
            "asked another question",
        ),
    ],
)
def test_a_broken_agent_is_the_candidates_fault(
    process_sandbox: Sandbox, text: str, reason: str
) -> None:
    for result in (
        train(process_sandbox, TASK, text, ["bowl"], SEEDS[:1]),
        probe(process_sandbox, TASK, text),
    ):
        assert result.status == "candidate_error"
        assert reason in result.log


# Cheating. None of these agents gets past the audit, which is left out here; nor do programs that
# they propose get past `stepper`, whose reading and whose words UNREAD leaves out.
STEPPER = TASK.grader.files["stepper.py"].replace(b"compile(read(text)", b"compile(text")
STEPPER = STEPPER.replace(b'"__builtins__": OWN', b'"__builtins__": builtins')
UNREAD = dataclasses.replace(TASK.grader, files={**TASK.grader.files, "stepper.py": STEPPER})

CHEATS = {
    "states its gains": SAME.replace("'idea': ''", "'idea': '', 'gain': 99.0, 'error': 0.0"),
    "rewrites the history": SAME.replace(
        "    return", "    for node in brief.nodes:\n        node['gain'] = 99.0\n    return"
    ),
    "answers the trainer": SAME + "print('[[\"text\"]]', flush=True)\n",
    "runs a better rule than it hands in": (
        "import stepper\nplain = stepper.Stepper.step\n"
        "stepper.Stepper.step = lambda self, x, progress: plain(self, x, progress) * (1 - progress)"
        "\n" + SAME
    ),
    "refuses to see failures": (
        "import stepper\nstepper.Stepper.__init__ = lambda *all: None\n"
        "stepper.Stepper.step = lambda self, x, progress: -0.1 * x\n" + SAME
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheating_agent_gains_nothing(process_sandbox: Sandbox, cheat: str) -> None:
    assert gained(process_sandbox, CHEATS[cheat], "bowl", 2) == [0.0, 0.0]


def test_a_rule_that_knows_where_it_runs_gains_nothing(
    process_sandbox: Sandbox, texts: Mapping[str, list[str]]
) -> None:
    honest = texts["bowl"][0]
    head, tail = honest.split("    return step")
    switch = f"{head}    step = step * (SHARE if 'predictor' in sys.modules else 1.0)\n"
    sly = "import sys\n" + switch + "    return step" + tail
    for share in ("0.0", "float('nan')", "-1.0"):
        text = sly.replace("SHARE", share)
        assert scored(process_sandbox, [text], "bowl", UNREAD) == [-1.0]
        assert scored(process_sandbox, [text], "bowl") == [0.0]


def test_a_rule_that_harms_the_others_in_its_box_gains_nothing(
    process_sandbox: Sandbox, texts: Mapping[str, list[str]]
) -> None:
    honest = texts["bowl"][1] + "# mine\n"
    rigged = honest + (
        "import sys\nstepper = sys.modules['stepper']\nplain = stepper.Stepper.__init__\n"
        "def still(self, text, function):\n"
        "    plain(self, text, function)\n"
        "    if 'mine' not in text:\n        self.function = lambda x, state, _: (x * 0, state)\n"
        "stepper.Stepper.__init__ = still\n"
    )
    expected = scored(process_sandbox, [honest, honest], "bowl")
    assert scored(process_sandbox, [rigged, honest], "bowl", UNREAD) == expected
    assert scored(process_sandbox, [rigged, honest], "bowl") == [0.0, expected[1]]


def test_an_agent_carries_nothing_from_search_to_search(process_sandbox: Sandbox) -> None:
    counting = (
        "calls = []\n"
        + HEAD
        + (
            "    calls.append(1)\n"
            "    changed = text.replace('GAIN = 0.3', f'GAIN = {0.1 + 0.001 * len(calls):.3f}')\n"
            "    return {'files': {name: changed}, 'idea': ''}\n"
        )
    )
    together = found(process_sandbox, counting, "tracking", 4)
    apart = [
        json.loads(train(process_sandbox, TASK, counting, ["tracking"], [seed]).reply)[0][0]
        for seed in SEEDS[:4]
    ]
    assert together == apart
    assert any("GAIN = 0.1" in text for text in together)


def test_the_grader_judges_by_the_artefact_alone(
    process_sandbox: Sandbox, texts: Mapping[str, list[str]]
) -> None:
    two = (["bowl"], SEEDS[:2], SEALED[:2])
    for artefact in (b"", b"[]", b'[["one"]]', b"[[1, 2]]", b"{", b"[" * 10_000):
        assert "program for every search" in grade(process_sandbox, TASK, *two, artefact)["invalid"]
    known = texts["bowl"][1]
    artefact = json.dumps([[known, known]]).encode()
    first, second = (
        grade(process_sandbox, TASK, ["bowl"], SEEDS[:2], sealed, artefact)["scores"]["bowl"]
        for sealed in (SEALED[:2], SEALED[2:4])
    )
    assert first != second
    assert first == pytest.approx(second, abs=0.5)
