"""Where words, numbers and long strings stand in a text, whether or not it is whole Python."""

import re

_LEXEME = re.compile(
    r"(?<![\w.])(?:0[xXoObB][\da-fA-F_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)\w*|\w+"
)
_TRIPLES = ('"""', "'''")
_TOKEN = re.compile(r"#[^\n]*|\"\"\"|'''|\"|'|\\.", re.DOTALL)


def cut(text: str, at: int) -> str:
    """The word or number that a place is inside of, or "" where it is at an end of one.

    Only the line of the place is looked at.
    """
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    for lexeme in _LEXEME.finditer(text, start, len(text) if end < 0 else end):
        if lexeme.start() < at < lexeme.end():
            return lexeme[0]
    return ""


def inside(text: str, delimiter: str = "") -> list[str]:
    """For every line of a text, the delimiter of the long string that it begins inside of, or "".

    `delimiter` is that of the string which the text itself begins inside of.
    """
    begins: list[str] = []
    for line in text.split("\n"):
        begins.append(delimiter)
        delimiter = _past(line, delimiter)
    return begins


def _past(line: str, delimiter: str) -> str:
    """The delimiter of the long string that is open at the end of a line."""
    short = ""
    for token in _TOKEN.finditer(line):
        mark = token[0]
        if mark[0] == "\\":
            continue
        if delimiter:
            delimiter = "" if mark == delimiter else delimiter
        elif short:
            short = "" if mark[0] == short and len(mark) == 1 else short
        elif mark[0] == "#":
            return ""
        elif mark in _TRIPLES:
            delimiter = mark
        else:
            short = mark
    return delimiter
