"""A desk with scripted replies, and trees of the bowl, for tests of agents that ask a model."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any

from ratchet.agents.base import Brief, Form, ReplyError, Tried
from ratchet.agents.llm import Message, parse_reply
from ratchet.archive import Node, Tree
from ratchet.evals import Candidate, Estimate, Summary, Verdict
from ratchet.evals.canonical import canonical
from ratchet.sandbox import Job, Result
from ratchet.tasks import Task

START = '"""Plain gradient descent."""\n\nRATE = 0.02\n\n\n{step}\n'.format(
    step='def step(x, grad, progress):\n    """The change."""\n    return -RATE * grad'
)
IDEA = {
    "title": "Decay the rate",
    "idea": "Multiply RATE by one minus progress.",
    "hypothesis": "Late noise averages out.",
    "expected_effect": 0.1,
    "how_it_could_fail": "The rate may be too small late.",
    "kind": "schedule",
}
GO = {
    "novel": True,
    "implementable": True,
    "cheats_or_reseeds": False,
    "problems": [],
    "verdict": "go",
    "advice": "Mind the end.",
}
PATCH = {
    "edits": [
        {
            "file": "step.py",
            "search": "return -RATE * grad",
            "replace": "return -RATE * (1.0 - progress) * grad",
        }
    ]
}
SCRIPT: dict[str, Any] = {
    "diagnose": {"limits": "The rate never decays.", "evidence": ["RATE is constant."]},
    "propose": IDEA,
    "review": GO,
    "write": PATCH,
    "distil": {"lessons": [{"text": "Decay helps.", "nodes": [2]}]},
    "architect": {
        **IDEA,
        "limits": "The rate never decays.",
        "changes": ["step: decay"],
        "unchanged": "RATE",
        "checks": ["progress is used"],
    },
    "engineer": PATCH,
    "qa": {"matches_design": True, "problems": [], "verdict": "pass", "advice": ""},
    "conduct": {
        "thoughts": "Noise.",
        "experts": [
            {"field": f"field {n}", "instruction": f"Question {n}?"} for n in ("one", "two")
        ],
    },
    "expert": "Average the iterates.",
    "conclude": IDEA,
}

Reply = Any  # a form as a dict, a text, or an exception to raise


class ScriptedDesk:
    """Answers a step by its whole name, or else by what stands before the slash."""

    def __init__(
        self,
        script: Mapping[str, Reply] | None = None,
        thread: str = "run/1.0",
        checkpoints: Path | None = None,
        try_out: Callable[[Mapping[str, str]], Tried] | None = None,
    ) -> None:
        self.script = {**SCRIPT, **(script or {})}
        self.thread, self.checkpoints, self.dry = thread, checkpoints, False
        self.asked: list[tuple[str, str, tuple[Message, ...]]] = []
        self.tried: list[dict[str, str]] = []
        self._try_out = try_out or (lambda files: Tried(status="ok"))

    @property
    def steps(self) -> list[str]:
        """What was asked, in its order."""
        return [step for step, _, _ in self.asked]

    def prompt(self, step: str) -> str:
        """All that was sent at a step."""
        return next(
            "\n".join(m.content for m in told) for name, _, told in self.asked if name == step
        )

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        said = self._answer(step, role, messages)
        try:
            return parse_reply(form, said if isinstance(said, str) else json.dumps(said))
        except ValueError as error:
            raise ReplyError(f"{step}: {error}") from error

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        return str(self._answer(step, role, messages))

    def _answer(self, step: str, role: str, messages: Sequence[Message]) -> Reply:
        self.asked.append((step, role, tuple(messages)))
        said = self.script[step if step in self.script else step.partition("/")[0]]
        if isinstance(said, BaseException):
            raise said
        return said

    def model(self, role: str) -> str:
        return "test-model"

    def try_out(self, files: Mapping[str, str]) -> Tried:
        self.tried.append(dict(files))
        return self._try_out(files)

    def run(self, job: Job) -> Result:
        raise AssertionError("this agent runs no jobs")

    def charge(self, trials: int) -> AbstractContextManager[None]:
        raise AssertionError("this agent evaluates nothing")


def node(number: int, parent: int | None = 0, source: str = "", **more: Any) -> Node:
    """A node of the bowl: refuted with an interval, unless told otherwise."""
    source = source or START.replace("0.02", f"0.{number + 1000}")
    candidate = Candidate(
        files={"step.py": source},
        idea=more.pop("idea", f"idea {number}"),
        proposer="test",
        notes=more.pop("notes", {}),
    )
    verdict = Verdict(
        standing=more.pop("standing", "no gain"),
        reason=more.pop("reason", ""),
        screen=more.pop("screen", Summary(mean=-0.01, sd=0.04, pairs=16)),
        estimate=more.pop("estimate", None),
        evidence=more.pop("evidence", "d1"),
    )
    known: dict[str, Any] = {
        "run": "run",
        "number": number,
        "turn": number,
        "parent": parent,
        "kind": "candidate" if parent is not None else "start",
        "name": "start" if parent is None else "test",
        "candidate": candidate,
        "canonical": more.pop("form", None) or canonical(candidate.files),
        "behaviour": None,
        "verdict": verdict if parent is not None else None,
        "gain": 0.0 if parent is None else None,
        "environment": "e",
        "isolation": "container",
    }
    return Node(**{**known, **more})


def confirmed(number: int, parent: int, gain: float, **more: Any) -> Node:
    """A node that was kept, with an interval of a tenth either way."""
    estimate = Estimate(gain=gain, low=gain - 0.1, high=gain + 0.1, pairs=32)
    return node(
        number, parent, standing="confirmed", estimate=estimate, gain=gain, gain_error=0.02, **more
    )


def brief(task: Task, desk: ScriptedDesk, nodes: Sequence[Node] = (), parent: int = 0) -> Brief:
    """A brief from a tree whose start is the bowl's."""
    tree = Tree([node(0, None, START), *nodes])
    return Brief(task, tree[parent], tree, Random(0), desk)
