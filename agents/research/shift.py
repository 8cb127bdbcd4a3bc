"""Blocks whose indentation differs from that of the text which they are to go into."""

from collections.abc import Sequence
from typing import NamedTuple

from .lexemes import inside


class Shift(NamedTuple):
    """The indentation to take from each line, and the one to give; `strings`: in strings too."""

    take: str
    give: str
    strings: bool


def shift_between(
    sought: Sequence[str], window: Sequence[str], quoted: Sequence[str]
) -> Shift | None:
    """The shift from the lines sought to those of the window; `quoted` begin inside a string."""
    shifts: set[tuple[str, str]] = set()
    within: set[tuple[str, str]] = set()
    for one, other, string in zip(sought, window, quoted, strict=True):
        if one.strip() != other.strip():
            return None
        if one.strip():
            (within if string else shifts).add(_exchange(indent(one), indent(other)))
    common = shifts or within
    if len(common) != 1 or len(within) > 1 or not within <= common | {("", "")}:
        return None
    return Shift(*next(iter(common)), strings=within == common)


def shifted(text: str, shift: Shift, delimiter: str) -> str | None:
    """The text with its lines shifted, which begins inside a string that `delimiter` ends."""
    lines = text.split("\n")
    moved = [
        bool(line.strip()) and (shift.strings or not string)
        for line, string in zip(lines, inside(text, delimiter), strict=True)
    ]
    pairs = list(zip(lines, moved, strict=True))
    if any(move and not line.startswith(shift.take) for line, move in pairs):
        return None
    return "\n".join(shift.give + line[len(shift.take) :] if move else line for line, move in pairs)


def indent(text: str) -> str:
    """The white space that a line begins with."""
    return text[: len(text) - len(text.lstrip())]


def _exchange(one: str, other: str) -> tuple[str, str]:
    """The two indentations without their common end."""
    common = 0
    while common < min(len(one), len(other)) and one[-1 - common] == other[-1 - common]:
        common += 1
    return one[: len(one) - common], other[: len(other) - common]
