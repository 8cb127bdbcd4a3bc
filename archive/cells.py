"""JSON in the cells of a table: a cell that holds none becomes a value that says why."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .place import ArchiveError

LARGEST = 256 << 20  # characters of one cell
GREATEST = 1e150  # of numbers: their squares and sums can still be computed with
_LONG = re.compile(r"\d{120}|\d[eE]\+?\d{3}")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Unreadable:
    """Stands in for the JSON of a cell that cannot be decoded; no record accepts it."""

    why: str


def to_json(value: object) -> str:
    """JSON of a value; raises ArchiveError for NaN and infinity, which no database takes."""
    try:
        return json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        raise ArchiveError(f"a record holds what no JSON can hold: {error}") from error


def from_json(cell: object) -> Any:
    """The value of a cell, or Unreadable; never raises."""
    if isinstance(cell, bytes | bytearray | memoryview):  # as PostgreSQL's driver hands it on
        cell = bytes(cell).decode(errors="surrogateescape")
    if not isinstance(cell, str):
        return Unreadable("it is no text")
    if len(cell) > LARGEST:
        return Unreadable(f"it is larger than {LARGEST >> 20} MB")
    numbers: dict[str, Any] = {"parse_int": _bounded(int), "parse_float": _bounded(float)}
    try:
        cell.encode()
        value = json.loads(cell, parse_constant=_refused, **(numbers if _LONG.search(cell) else {}))
        if _SURROGATE.search(cell):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        return Unreadable("it is nested too deeply")
    except UnicodeEncodeError:
        return Unreadable("it is not UTF-8")
    except ValueError as error:
        return Unreadable(f"it is no JSON: {error}")
    return value


def _refused(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _bounded(number: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value = number(text)
        if not -GREATEST <= value <= GREATEST:
            raise ValueError(f"{text[:20]} is beyond {GREATEST:g}")
        return value

    return parse
