"""An agent for tests that does at every turn something else that no agent may do."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from ratchet.agents.base import Brief
from ratchet.evals import Candidate

from .tweak import Tweak

STEP = "\n\n\ndef step(x, grad, progress):\n    return -X * grad\n"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def offered(files: Any, **more: Any) -> Candidate:
    """A candidate that nothing has checked."""
    known: dict[str, Any] = {"idea": "rude", "proposer": "rude", "notes": {}, "parent": None}
    return Candidate.model_construct(files=files, **{**known, **more})


def program(text: object, **others: str) -> Candidate:
    return offered({"step.py": text, **others})


def beside(name: str) -> Candidate:
    """A sound program, and a file that the task does not have."""
    source = "def step(x, grad, progress):\n    return -0.05 * grad\n"
    return offered({"step.py": source, name: "x = 1\n"})


def raising(error: BaseException) -> Callable[[Brief], object]:
    def act(brief: Brief) -> object:
        raise error

    return act


def deep(brief: Brief) -> object:
    return deep(brief)


def in_place_of(brief: Brief) -> object:
    try:
        raise ValueError("boom")
    except ValueError as error:
        raise KeyError("while handling") from error


# What it does, and what its node says of it.
FAULTS: Mapping[str, tuple[Callable[[Brief], object], str]] = {
    "value": (raising(ValueError("boom")), "the agent raised ValueError: boom"),
    "deep": (deep, "the agent raised RecursionError: maximum recursion depth exceeded"),
    "exit": (lambda brief: sys.exit(7), "the agent raised SystemExit: 7"),
    "wild": (
        raising(ValueError("\x1b[2Ja\u202eb" + "x" * 9000)),
        "the agent raised ValueError: ab",
    ),
    "unprintable": (raising(Unprintable()), "the agent raised Unprintable"),
    "memory": (raising(MemoryError()), "the agent raised MemoryError"),
    "chain": (in_place_of, "the agent raised KeyError: 'while handling'"),
    "none": (lambda brief: None, "the agent offered NoneType, not a Candidate"),
    "text": (lambda brief: "x = 1", "the agent offered str, not a Candidate"),
    "idea": (lambda brief: offered({"step.py": ""}, idea=3), "a Candidate whose idea is not"),
    "notes": (lambda brief: offered({"step.py": ""}, notes=[1]), "a Candidate whose notes is not"),
    "unmade": (lambda brief: Candidate.model_construct(), "that the agent offered raised"),
    "own check": (
        lambda brief: Candidate(files=3, idea="", proposer=""),  # type: ignore[arg-type]
        "the agent raised ValidationError: 1 validation error for Candidate",
    ),
}
BARRED: Mapping[str, tuple[Callable[[Brief], object], str]] = {
    "not files": (lambda brief: offered(None), "it offers NoneType, not files"),
    "no file": (lambda brief: offered({}), "it offers no file, and the files of the task are"),
    "trainer": (lambda brief: beside("trainer.py"), "it offers step.py, trainer.py, and the files"),
    "above": (lambda brief: beside("../../evil.py"), "../../evil.py"),
    "absolute": (lambda brief: beside("/tmp/evil.py"), "/tmp/evil.py"),
    "below": (lambda brief: beside("a/b/\x1b[31mc\u202e.py"), "a/b/c.py"),
    "other": (lambda brief: offered({"other.py": "x = 1\n"}), "it offers other.py, and"),
    "many": (
        lambda brief: offered({f"{n}.py": "" for n in range(100_000)}),
        "0.py, 1.py, 2.py and 99997 more",
    ),
    "bytes": (lambda brief: program(b"x = 1\n"), "step.py holds bytes, not text"),
    "surrogate": (lambda brief: program("# \ud800\n"), "step.py is not UTF-8: line 1"),
    "megabytes": (lambda brief: program("x = 1\n" * 700_000), "4200000 bytes, and 20000 are"),
}
REFUSED: Mapping[str, tuple[Callable[[Brief], object], str]] = {
    "hex": (lambda brief: program("X = 0x" + "f" * 4000 + STEP), "look like data"),
    "long hex": (lambda brief: program("X = 0x" + "f" * 19_000 + STEP), "look like data"),
    "unary": (lambda brief: program("x = " + "-" * 19_000 + "1\n"), "levels deep"),
    "nested": (lambda brief: program("x = " + "-" * 2900 + "1\n"), "more than 100 levels deep"),
    "too long": (lambda brief: program("x = 1\n" * 4000), "24000 bytes, and 20000 are the most"),
}
ALL = {**FAULTS, **BARRED, **REFUSED}


def create() -> "Rude":
    return Rude()


class Rude:
    """Does the things of ALL, or `only` some, one a turn, and every other time as it should."""

    attempts = 3

    def __init__(self, *only: str) -> None:
        self.names = only or tuple(ALL)

    def propose(self, brief: Brief) -> Candidate:
        turn = int(brief.desk.thread.partition("/")[2].partition(".")[0])
        number, politely = divmod(turn, 2)
        if politely or number >= len(self.names) + 1:
            return Tweak().propose(brief)
        act, _ = ALL[self.names[(number - 1) % len(self.names)]]
        return act(brief)  # type: ignore[return-value]
