"""JSON as models write it: what can only mean one thing is borne, the first fault else is placed.

Borne are a comma too many, line breaks and unknown escapes in strings, strings in single quotes,
Python's names of constants, and comments. A quote too many in a string, or a bracket too few, can
be mended in several ways, so it is named with its place.
"""

import json
import re
from typing import NamedTuple

DEEPEST = 100  # objects and lists in each other
SHOWN = 20  # characters of what stands where something else was expected

_GAP = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"[A-Za-z]+")
_CONSTANTS: dict[str, object] = {
    "true": True, "false": False, "null": None, "True": True, "False": False, "None": None,
}  # fmt: skip
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_PIECES = {quote: re.compile(rf"[^{quote}\\]+") for quote in "\"'"}


class Broken(Exception):
    """The text is no JSON. `at` is the offset of the first character that does not belong."""

    def __init__(self, text: str, at: int, expected: str) -> None:
        """Say what was expected, and what is there."""
        line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
        there = " ".join(text[at : at + SHOWN].split())
        seen = f"found {json.dumps(there, ensure_ascii=False)}" if there else "the reply ends"
        super().__init__(f"at line {line}, column {column}: expected {expected}, {seen}")
        self.at = at


class Found(NamedTuple):
    """A value, and the offset behind it."""

    value: object
    end: int


def read(text: str, at: int, deep: int = 0) -> Found:
    """The value that begins at `at`. Raises Broken."""
    if deep > DEEPEST:
        raise Broken(text, at, f"no more than {DEEPEST} brackets in each other (nested too deeply)")
    character = text[at : at + 1]
    if character == "{":
        return _object(text, at, deep)
    if character == "[":
        return _list(text, at, deep)
    if character in ('"', "'") and character:
        return _string(text, at)
    if number := _NUMBER.match(text, at):
        return Found(json.loads(number[0]), number.end())
    word = _WORD.match(text, at)
    if word and word[0] in _CONSTANTS:
        return Found(_CONSTANTS[word[0]], word.end())
    raise Broken(text, at, "a value")


def _object(text: str, at: int, deep: int) -> Found:
    members: dict[str, object] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] not in ('"', "'") or at >= len(text):
            raise Broken(text, at, "a name in double quotes or '}'")
        name, at = _string(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            raise Broken(text, at, f"':' after the name {str(name)[:SHOWN]!r}")
        members[str(name)], at = read(text, _skip(text, at + 1), deep + 1)
        at = _after(text, at, "}")
    return Found(members, at + 1)


def _list(text: str, at: int, deep: int) -> Found:
    values: list[object] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, at = read(text, at, deep + 1)
        values.append(value)
        at = _after(text, at, "]")
    return Found(values, at + 1)


def _after(text: str, at: int, end: str) -> int:
    """The offset of what follows a value: its comma is passed, whatever comes next."""
    at = _skip(text, at)
    if text[at : at + 1] == ",":
        return _skip(text, at + 1)
    if text[at : at + 1] != end:
        quote = ' (a quote inside a string is written as \\")' if text[at - 1] in "\"'" else ""
        raise Broken(text, at, f"',' or '{end}'{quote}")
    return at


def _string(text: str, at: int) -> Found:
    quote, begin, parts = text[at], at, list[str]()
    at += 1
    while (character := text[at : at + 1]) != quote:
        if not character:
            raise Broken(text, begin, f"a string that ends: its closing {quote} is missing")
        if character != "\\":
            piece = _PIECES[quote].match(text, at)
            assert piece is not None
            parts.append(piece[0])
            at = piece.end()
        elif text.startswith(quote, at + 1):
            parts.append(quote)
            at += 2
        elif escape := _ESCAPE.match(text, at):
            end = escape.end()
            if pair := re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..").match(text, at):
                end = pair.end()  # one character of two halves
            parts.append(json.loads(f'"{text[at:end]}"'))
            at = end
        else:
            parts.append("\\")
            at += 1
    return Found("".join(parts), at + 1)


def _skip(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at
