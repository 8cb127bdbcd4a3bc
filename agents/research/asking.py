"""How a question is put: the material first, then the step's text, then earlier replies."""

import json
from collections.abc import Sequence

from ...sandbox.text import clean
from ..base import Brief
from ..llm import Message
from .prompts import fill

CHARACTERS = 3  # characters per token, counted low so that the budget holds
HANDED = 6000  # characters of a reply that are handed on


def messages(
    material: str, text: str, again: Sequence[str] = (), system: str = "system"
) -> list[Message]:
    """A question: material first, so that steps of one proposal share their beginning.

    `again` are earlier replies, each with what it lacks; `system` names the document before all.
    """
    asked = [Message("system", fill(system)), Message("user", f"{material}\n\n{text}")]
    for position, reply in enumerate(again):
        asked.append(Message("user" if position % 2 else "assistant", reply))
    return asked


def told(text: str) -> str:
    """A form as the next step reads it: its fields by name."""
    fields = json.loads(text)
    return "\n".join(_field(name, value) for name, value in fields.items())


def attempt(brief: Brief) -> int:
    """Which attempt of its turn a proposal is, from 1."""
    number = brief.desk.thread.rpartition(".")[2]
    return int(number) + 1 if number.isdigit() else 1


def occasion(brief: Brief) -> str:
    """Which proposal this is, so that those worked on at one time are not asked for alike."""
    turn = brief.desk.thread.rpartition("/")[2].partition(".")[0]
    text = f"This is proposal {turn} of the search. Others are worked on at the same time by the "
    text += "same rules, so go a way of your own."
    if attempt(brief) > 1:
        text += f" It is attempt {attempt(brief)}: what was offered before came to nothing or to "
        text += "a known program."
    return text


def _field(name: str, value: object) -> str:
    name = name.replace("_", " ")
    if isinstance(value, list):
        lines = "".join(f"\n  - {clean(str(item), HANDED)}" for item in value)
        return f"{name}:{lines or ' none'}"
    return f"{name}: {'unknown' if value is None else clean(str(value), HANDED)}"
