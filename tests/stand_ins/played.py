"""Language models played by functions, for the tasks whose candidates ask one."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from ratchet.evals import Ask, Candidate

FOLDER = Path(__file__).parents[2] / "tasks"
GENERATORS = ("boards", "quiz", "stories", "timetables")
PLAN = "The rate never falls, so late noise stays.\nIDEA: Normalise, and let the rate fall."

# What a decent model might write, with a number that the ask fixes.
RULE = """
import torch

RATE = {number}


def update(grad, state, progress):
    count = state.get("count", 0) + 1
    mean = 0.7 * state.get("mean", torch.zeros_like(grad)) + 0.3 * grad
    square = 0.9 * state.get("square", torch.zeros_like(grad)) + 0.1 * grad * grad
    scale = (square / (1.0 - 0.9**count)).sqrt() + 1e-8
    step = -RATE * (1.0 - progress) * mean / (1.0 - 0.7**count) / scale
    return step, {{"mean": mean, "square": square, "count": count}}
"""
FILTER = """
import torch

LIMIT = {number} * 12


def track(seen, state, progress):
    level = state.get("level", torch.zeros_like(seen))
    level = level + 0.35 * (seen - level).clamp(-LIMIT, LIMIT)
    return level, {{"level": level}}
"""
CONTROLLER = """
import torch


def act(error, state, progress):
    mean = state.get("mean", error)
    return 40 * {number} * error + 16.0 * (error - mean), {{"mean": error}}
"""
PROGRAMS = {"rule.py": RULE, "filter.py": FILTER, "controller.py": CONTROLLER}


def decent(ask: Ask) -> str:
    """A plan where one is asked for, and a program where that is."""
    if "FILE: name" not in ask.prompt:
        return PLAN
    number = 0.1 + 0.2 * int(sha256(f"{ask.id} {ask.prompt}".encode()).hexdigest()[:4], 16) / 65536
    (name,) = [name for name in PROGRAMS if f"FILE: {name}" in ask.prompt]
    return f"FILE: {name}\n```python\n{PROGRAMS[name].format(number=f'{number:.3f}')}```"


@dataclass
class Played:
    """A model played by a function, and a note of what it was asked."""

    say: Callable[[Ask], str] = decent
    rounds: list[list[Ask]] = field(default_factory=list)

    def answer(self, candidate: Candidate, asks: Sequence[Ask]) -> Mapping[str, str]:
        self.rounds.append(list(asks))
        return {ask.id: self.say(ask) for ask in asks}

    def describe(self) -> Mapping[str, str]:
        return {"model": "played"}

    @property
    def asked(self) -> dict[str, str]:
        """All prompts by id."""
        every = [ask for asks in self.rounds for ask in asks]
        assert len({ask.id for ask in every}) == len(every)
        return {ask.id: ask.prompt for ask in every}


@contextmanager
def grader() -> Iterator[ModuleType]:
    """The grader of agent_system, which knows the answers."""
    folders = [str(FOLDER / "library"), str(FOLDER / "agent_system")]
    sys.path[:0], before = folders, sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # nothing beside the sources, which are what is shipped
    try:
        yield import_module("grader")
    finally:
        sys.dont_write_bytecode = before
        for name in ("grader", *GENERATORS):
            sys.modules.pop(name, None)
        for folder in folders:
            sys.path.remove(folder)


@dataclass
class Mediocre:
    """Is right three times in four if told to go step by step, else two times in five.

    Keeps what it said by the id of the ask, as a recording does.
    """

    grader: Any
    said: dict[str, tuple[str, str]] = field(default_factory=dict)
    rounds: list[int] = field(default_factory=list)
    new: int = 0
    data: int = 0  # that the problems are drawn with

    def answer(self, candidate: Candidate, asks: Sequence[Ask]) -> Mapping[str, str]:
        self.rounds.append(len(asks))
        return {ask.id: self._reply(candidate, ask) for ask in asks}

    def describe(self) -> Mapping[str, str]:
        return {"model": "mediocre"}

    def _reply(self, candidate: Candidate, ask: Ask) -> str:
        key = f"{candidate.digest}/{ask.id}"
        if key not in self.said:
            self.new += 1
            self.said[key] = (ask.prompt, self._say(ask))
        prompt, text = self.said[key]
        assert prompt == ask.prompt
        return text

    def _say(self, ask: Ask) -> str:
        workload, seed, number, _ = ask.id.split("/")
        problem = self.grader.quiz.problems(workload, int(seed), self.data)[int(number)]
        assert problem.statement in ask.prompt
        right: int = self.grader.solve(problem.facts)
        rng, steps = Random(f"{ask.id} {ask.prompt}"), "step by step" in ask.prompt
        found = right if rng.random() < (0.75 if steps else 0.4) else right + rng.randint(1, 30)
        return f"Step 1: 3 and 4 make 7.\nAnswer: {found:,}" if steps else f"It is {found}."
