"""Hold the candidate's system, and run it on one problem with the replies that are there so far.

The system is run from its first line each time, with a module of its own and a seeded `random`, so
that nothing is left of other problems. A prompt that has no reply yet ends the run.
"""

import json
import random

import candidate

seeded = random.Random.seed


def seed(self: random.Random, a: object = None, version: int = 2) -> None:
    """Start a generator from `a`, or from 0 where Python would ask the system for a number."""
    seeded(self, 0 if a is None else a, version)


random.Random.seed = seed  # type: ignore[method-assign]
random.SystemRandom = random.Random  # type: ignore[assignment, misc]


class Unanswered(BaseException):
    """The system needs a reply that is not there yet; no `except Exception` catches it."""


class Model:
    """What the system calls: replies in order, and a note of each prompt."""

    def __init__(self, replies: list[str]) -> None:
        """Take the replies to the first prompts."""
        self.replies, self.prompts = replies, []

    @property
    def waits(self) -> bool:
        """Whether the last prompt has no reply."""
        return len(self.prompts) > len(self.replies)

    def ask(self, prompt: str) -> str:
        """The reply to a prompt; raises Unanswered where there is none."""
        if not isinstance(prompt, str):
            raise candidate.CandidateError(f"model() takes a str, not {type(prompt).__name__}")
        if not self.waits:
            self.prompts.append(prompt)
        if self.waits:
            raise Unanswered
        return self.replies[len(self.prompts) - 1]


def answer(message: bytes, memory: memoryview) -> bytes:
    """The prompts of one run, and the answer or the error it ended with, if it came to its end."""
    asked = json.loads(message)
    random.seed(0)
    solve = candidate.load("system.py", ("solve",)).solve
    model = Model(asked["replies"])
    found = outcome(solve, asked["problem"], model)
    if model.waits:  # even where the system went on regardless
        found = {}
    return json.dumps({"prompts": model.prompts, **found}).encode()


def outcome(solve, problem: str, model: Model) -> dict[str, str]:
    """What came of a run."""
    try:
        value = candidate.attempt("solve()", solve, problem, model.ask)
    except Unanswered:
        return {}
    except candidate.CandidateError as error:
        return {"error": str(error)}
    if not isinstance(value, str):
        return {"error": f"solve() returned {type(value).__name__}, not a str"}
    return {"answer": value}
