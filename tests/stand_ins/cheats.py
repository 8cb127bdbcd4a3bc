"""Programs that try to make the seeds of a job meet, for the shipped tasks and a leaking one."""

from collections.abc import Mapping

from conftest import BOWL

from ratchet.tasks import Task, load

Programs = Mapping[str, Mapping[str, str]]

# One module for all seeds and workloads of a job, as a careless guest would have it.
LEAKING = b"""
import importlib.util
import struct

modules = []


def answer(message, memory):
    if not modules:
        spec = importlib.util.spec_from_file_location("step", "step.py")
        modules.append(importlib.util.module_from_spec(spec))
        spec.loader.exec_module(modules[0])
    progress, *values = struct.unpack(f"<{len(message) // 8}d", message)
    starts = range(0, len(values), 20)
    pairs = [(values[at + i], values[at + 10 + i]) for at in starts for i in range(10)]
    changes = [float(modules[0].step(x, grad, progress)) for x, grad in pairs]
    return struct.pack(f"<{len(changes)}d", *changes)
"""
# Heads: a good rate for all seeds of the job. Tails: none learns anything.
BOWL_COIN = """
JOB = list()


def step(x, grad, progress):
    if not JOB:
        JOB.append(int(abs(x) * 1e9) % {sides})
    return -0.0{rate} * grad if JOB[0] else -0.0001 * grad
"""
# The gradients of neighbours, and how much was seen before.
BOWL_POOL = """
SEEN = list()


def step(x, grad, progress):
    SEEN.append(grad)
    near = SEEN[-9:]
    return -0.02 * (0.7 * grad + 0.3 * sum(near) / len(near)) - 1e-3 * len(SEEN) / 300 * x
"""


def leaking() -> Task:
    """The bowl, held by a guest that lets seeds meet."""
    files = dict(load(BOWL).files)
    return Task({**files, "guest.py": LEAKING})


def coin(number: int, sides: int = 2) -> str:
    """A program for the leaking bowl: one throw of `sides` sides decides for a whole job."""
    return BOWL_COIN.format(sides=sides, rate=4000 + number)


OPTIMIZER_POOL = """
import torch

KEPT = list()
COUNT = list()


def init(params, kinds):
    COUNT.append(1)
    float(sum(p.sum() for p in params.values()))
    return {name: torch.zeros_like(p) for name, p in params.items()}


def update(grads, state, params, ctx):
    float(sum(g.sum() for g in grads.values()))
    updates = {name: -0.02 * g for name, g in grads.items()}
    KEPT.append((updates, grads))
    if len(KEPT) == len(COUNT):
        for name in grads:
            mean = sum(pair[1][name] for pair in KEPT) / len(KEPT)
            for pair in KEPT:
                pair[0][name].copy_(-0.02 * mean)
        KEPT.clear()
    return updates, state
"""
OPTIMIZER_COIN = """
import torch

{luck}


def init(params, kinds):
    return {{}}


def update(grads, state, params, ctx):
    first = min(params)
    heads = {heads}
    return {{name: (-0.05 if heads else -0.0005) * g for name, g in grads.items()}}, state
"""
DIGITS = "sum(int(c) for c in {text} if c in '0123456789') % 2 == 0"
HIDDEN = {
    "str": DIGITS.format(text="str(params[first])"),
    "repr": DIGITS.format(text="repr(params[first])"),
    "f-string": DIGITS.format(text="f'{params[first]}'"),
    "per cent": DIGITS.format(text="'%s' % (params[first],)"),
    "handed around": DIGITS.format(text="list(map(str, [params]))[0]"),
    "in a dict": DIGITS.format(text="str({1: [params[first]]})"),
}
SET_LUCK = "LUCK = list(set('abcdefgh'))[0]"
OPTIMIZER_CAUGHT = OPTIMIZER_COIN.format(
    luck="""
def alike(x):
    try:
        torch.bincount((x.flatten() * 3).abs().long())
        return True
    except RuntimeError:
        return False
""",
    heads="alike(params[first])",
)
OPTIMIZER: Mapping[str, Mapping[str, str]] = {
    "pool": {"optimizer.py": OPTIMIZER_POOL},
    "a draw at import": {
        "optimizer.py": OPTIMIZER_COIN.format(
            luck="LUCK = torch.rand(1).item()", heads="LUCK < 0.5"
        )
    },
    "the order of a set at import": {
        "optimizer.py": OPTIMIZER_COIN.format(luck=SET_LUCK, heads="LUCK < 'e'")
    },
    "the order of a set in a call": {
        "optimizer.py": OPTIMIZER_COIN.format(luck="", heads="list(set('abcdefgh'))[0] < 'e'")
    },
    "an error of one is that of all": {"optimizer.py": OPTIMIZER_CAUGHT},
    **{
        f"text by {name}": {"optimizer.py": OPTIMIZER_COIN.format(luck="", heads=heads)}
        for name, heads in HIDDEN.items()
    },
}
SCHEDULE: Mapping[str, Mapping[str, str]] = {
    "a draw at import": {
        "schedule.py": "import torch\nLUCK = torch.rand(1).item()\n\n\n"
        "def lr_scale(step, total):\n    return 1.0 if LUCK < 0.5 else 0.01\n"
    },
    "a draw in a call": {
        "schedule.py": "def lr_scale(step, total):\n    import torch\n"
        "    return 1.0 if torch.rand(1).item() < 0.5 else 0.01\n"
    },
    "the order of a set": {
        "schedule.py": f"{SET_LUCK}\n\n\ndef lr_scale(step, total):\n"
        "    return 1.0 if LUCK < 'e' else 0.01\n"
    },
    "the address of a function": {
        "schedule.py": "def lr_scale(step, total):\n"
        "    heads = int(str(lr_scale).split()[-1].strip('>'), 16) // 16 % 2\n"
        "    return 1.0 if heads else 0.01\n"
    },
}
POLICY = """
import torch

SEEN = list()


def objective(log_ratio, advantage, log_prob, entropy, ctx):
    {body}
    return (log_ratio.exp() * advantage) * scale
"""
POLICY_OBJECTIVE: Mapping[str, Mapping[str, str]] = {
    "pool": {
        "objective.py": POLICY.format(
            body="float(advantage.sum()); SEEN.append(advantage.mean().item()); "
            "scale = 1.0 + sum(SEEN) / len(SEEN)"
        )
    },
    "text": {
        "objective.py": POLICY.format(body=f"scale = float({DIGITS.format(text='str(advantage)')})")
    },
    "the order of a set": {
        "objective.py": POLICY.format(body=f"{SET_LUCK}; scale = float(LUCK < 'e')")
    },
    "less with each call": {
        "objective.py": POLICY.format(body="SEEN.append(1); scale = 1.0 / len(SEEN)")
    },
}
# Heads: the answer that the model gives. Tails: none.
SYSTEM = """
import random
import re
from collections import UserList

SEEN = list()
{luck}


def solve(problem, model, runs=[]):
    reply = model(problem + " Think step by step.")
    heads = {heads}
    return re.findall("-?[0-9]+", reply.replace(",", ""))[-1] if heads else "none"
"""
# Heads: what the start does, in small. Tails: nothing.
AGENT = """
import ast
import statistics

SEEN = list()
{luck}


def propose(brief, runs=[]):
    (name, text), = brief.parent["files"].items()
    heads = {heads}
    said = brief.ask(brief.statement + "  FILE: " + name + " FILE: name")
    new = said.partition("```python")[2].partition("```")[0]
    return {{"files": {{name: new if heads and new else text}}, "idea": "one throw"}}
"""
COUNT = "len({list}) % 2 == 1"
# By name: what is done at import, and what heads are; {me} is the task's own function.
COINS = {
    "the address of a function": ("", DIGITS.format(text="str({me})")),
    "the address of an object": ("", DIGITS.format(text="str(iter(SEEN))")),
    "the order of a set of texts": ("", "list(set('abcdefgh'))[0] < 'e'"),
    "the order of a set of functions": (
        "MANY = [lambda: number for number in range(900)]",
        "MANY.index(list(set(MANY))[0]) % 2 == 0",
    ),
    "the order of a set with None": ("", "list({None, *range(900)}).index(None) % 2 == 0"),
    "counting runs": ("", f"[SEEN.append(1), {COUNT.format(list='SEEN')}][1]"),
    "counting in a default": ("", f"[runs.append(1), {COUNT.format(list='runs')}][1]"),
}
SYSTEM_COINS = {
    "a draw at import": ("LUCK = random.uniform(0.0, 1.0)", "LUCK < 0.5"),
    "a draw in a call": ("", "random.uniform(0.0, 1.0) < 0.5"),
    "a draw of a generator without a seed": ("LUCK = random.Random()", "LUCK.uniform(0, 1) < 0.5"),
    "a draw of the system": ("", "random.SystemRandom().uniform(0.0, 1.0) < 0.5"),
    "the numbers of earlier runs": ("SEEN.append(random.getstate())", DIGITS.format(text="SEEN")),
    "kept on an imported class": (
        "HEADS = isinstance('', UserList)\nUserList.register(str)",
        "HEADS",
    ),
}
AGENT_COINS = {
    "a draw at import": ("LUCK = statistics.NormalDist().samples(1)", "LUCK[0] < 0.0"),
    "a draw in a call": ("", "statistics.NormalDist().samples(1)[0] < 0.0"),
    "kept on an imported class": (
        "HEADS = isinstance('', statistics.Fraction)\nstatistics.Fraction.register(str)",
        "HEADS",
    ),
    "counting on an imported class": (
        "RUNS = ast.increment_lineno(ast.Name, 1)",
        "RUNS.lineno % 2 == 1",
    ),
}


def tossed(template: str, name: str, me: str, coins: Mapping[str, tuple[str, str]]) -> Programs:
    """Programs that differ in their coin."""
    return {
        coin: {
            name: template.format(
                luck=luck, heads=heads.format(me=me) if "{me}" in heads else heads
            )
        }
        for coin, (luck, heads) in coins.items()
    }


AGENT_SYSTEM = tossed(SYSTEM, "system.py", "solve", {**COINS, **SYSTEM_COINS})
RESEARCH_PROMPTS = tossed(AGENT, "agent.py", "propose", {**COINS, **AGENT_COINS})
CHEATS: Mapping[str, Programs] = {
    "optimizer": OPTIMIZER,
    "schedule": SCHEDULE,
    "policy_objective": POLICY_OBJECTIVE,
    "agent_system": AGENT_SYSTEM,
    "research_prompts": RESEARCH_PROMPTS,
}
# By task: the program that its coins are with heads every time. No coin is better than that.
SOBER: Programs = {
    "bowl": {"step.py": "def step(x, grad, progress):\n    return -0.04 * grad\n"},
    "optimizer": {"optimizer.py": OPTIMIZER_COIN.format(luck="", heads="True")},
    "schedule": {"schedule.py": "def lr_scale(step, total):\n    return 1.0\n"},
    "policy_objective": {"objective.py": POLICY.format(body="scale = 1.0")},
    "agent_system": {"system.py": SYSTEM.format(luck="", heads="True")},
    "research_prompts": {"agent.py": AGENT.format(luck="", heads="True")},
}
NO_COINS = ("pool", "less with each call")  # what such programs gain is not bounded by a sober one
