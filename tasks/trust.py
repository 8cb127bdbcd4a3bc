"""How far a score can be trusted, level by level, in the words that people read."""

from collections.abc import Mapping
from typing import NamedTuple

from .manifest import Level


class Trust(NamedTuple):
    """What a level promises, and what would lift a task to the one above; "" for the highest."""

    promise: str
    lift: str = ""


TRUST: Mapping[Level, Trust] = {
    "counted": Trust(
        "steps and data are counted, and the score is computed, where the program cannot reach them"
    ),
    "sealed": Trust(
        "the score is computed in another process, on data drawn after training; how much the "
        "program trains is bounded by time alone",
        "a trainer.py that counts its steps lifts it to counted",
    ),
    "answered": Trust(
        "the program's functions are called from another process, where the score is computed; "
        "what they answer is believed",
        "a score.py with training(seed) and score(predict, seed) lifts it to sealed",
    ),
    "reported": Trust(
        "the program states its own score, so what is better is called repeated and never "
        "confirmed",
        "a score.py with training(seed) and score(predict, seed) lifts it to sealed",
    ),
}


def trust_line(level: Level) -> str:
    """The level of a task in one sentence, with what would lift it."""
    promise, lift = TRUST[level]
    return f"trust: {level}: {promise}" + (f" ({lift})" if lift else "")
