"""What went wrong in a try-out, for a model that is to mend it."""

import re
from collections.abc import Mapping

from ...sandbox.text import clean, line, quoted
from ..base import Tried
from .patch import AROUND, numbered

TAIL = 2000  # characters of a log
ADDRESS = re.compile(r"\b0x[0-9a-f]{4,}\b", re.IGNORECASE)
FOLDER = re.compile(r"(?<![\w.])/(?:[\w.@+-]+/)+")


def described(tried: Tried, files: Mapping[str, str]) -> tuple[str, str]:
    """A sentence, and the whole: findings or log, and the lines that they point to.

    Equal faults read alike: folders and addresses, which differ from run to run, are left out.
    """
    if tried.refused:
        sentence = line("; ".join(tried.refused[:3]), 400)
        head, text = "the audit refused it, so it did not run.", "\n".join(tried.refused)
    else:
        text = stable(tried.log)[-TAIL:]
        sentence = line(f"{tried.status}: {text.strip().rpartition(chr(10))[2]}", 400)
        head = f"its try-out of a few seconds ended with the status {tried.status!r}."
    return sentence, f"{head}\n\n{quoted(text)}{place(text, files)}"


def place(text: str, files: Mapping[str, str]) -> str:
    """The lines around the place that a log or a finding names, or nothing where it names none."""
    spot = located(text, files)
    if spot is None:
        return ""
    name, at = spot
    excerpt = quoted(numbered(files[name], at - AROUND, at + AROUND, at))
    return f"\n\nThe place, {line(name, 80)} line {at}:\n{excerpt}"


def located(text: str, files: Mapping[str, str]) -> tuple[str, int] | None:
    """The last line of the program that a log or a finding names."""
    names = "|".join(re.escape(name) for name in sorted(files))
    places = re.findall(rf'({names})(?:", line |:)(\d{{1,6}})', text)
    inside = [
        (name, int(number))
        for name, number in places
        if 1 <= int(number) <= files[name].count("\n") + 1
    ]
    return inside[-1] if inside else None


def stable(log: str) -> str:
    """A log without what differs between two runs of the same program."""
    return FOLDER.sub("", ADDRESS.sub("0x...", clean(log)))
