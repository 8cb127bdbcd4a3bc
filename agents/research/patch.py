"""SEARCH/REPLACE patches: applied exactly, or refused with what is wrong and where."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from ...evals.canonical import canonical
from ...evals.syntax import Unreadable, parse
from ...sandbox.text import line, quoted
from .forms import Edit
from .lexemes import cut, inside
from .shift import shift_between, shifted

MARK = "| "  # the start of a quoted line, which models sometimes copy
AROUND = 3  # lines shown before and after a fault


class PatchError(Exception):
    """The patch changes nothing as it is. `excerpt` is untrusted text of the program."""

    def __init__(self, sentence: str, excerpt: str = "") -> None:
        """Say what is wrong, and show the lines that it is about."""
        super().__init__(sentence)
        self.excerpt = excerpt

    @property
    def told(self) -> str:
        """The message for the model that wrote the patch."""
        return f"{self}\n\n{quoted(self.excerpt)}" if self.excerpt else str(self)


class Splice(NamedTuple):
    """Characters `begin` up to `end` give way to `text`."""

    begin: int
    end: int
    text: str


def apply(files: Mapping[str, str], edits: Sequence[Edit]) -> dict[str, str]:
    """The files after all edits, each of which is made in the text as it was.

    Raises PatchError, and then nothing has changed.
    """
    if not edits:
        raise PatchError("it has no edits")
    splices: dict[str, list[tuple[int, Splice]]] = {}
    for number, edit in enumerate(edits, 1):
        if edit.file not in files:
            editable = ", ".join(sorted(files))
            raise PatchError(f"edit {number} names {line(edit.file, 80)!r}; editable: {editable}")
        splices.setdefault(edit.file, []).append((number, locate(files[edit.file], edit, number)))
    return {name: _spliced(text, name, splices.get(name, [])) for name, text in files.items()}


def locate(text: str, edit: Edit, number: int = 1) -> Splice:
    """The one place where an edit applies: exactly, or but for indentation and line ends.

    A place that begins or ends inside a word or a number is none.
    """
    if not edit.search:
        return Splice(0, len(text), _ended(_bare(edit.replace)))
    severed: Splice | None = None
    for variant in (edit, _unmarked(edit)):
        if variant is None:
            continue
        exact = _exact(text, variant)
        whole = [place for place in exact if not _cut(text, place)]
        severed = severed or next((place for place in exact if _cut(text, place)), None)
        loose = _loose(text, variant)
        if len(whole) == len(loose) == 1 and _indented(text, whole[0]):
            return loose[0]  # so that the lines after the first are shifted too
        for places in (whole, loose):
            if len(places) == 1:
                return places[0]
            if places:
                where = ", ".join(str(_line_of(text, place.begin)) for place in places[:5])
                raise PatchError(
                    f"the search text of edit {number} occurs {len(places)} times in {edit.file}, "
                    f"on lines {where}: take more lines around it"
                )
    if severed is not None:
        raise _severing(text, severed, edit.file, number)
    sentence = f"the search text of edit {number} does not occur in {edit.file}; the nearest lines"
    first, last = _nearest(text, edit.search)
    raise PatchError(f"{sentence} are {first} to {last}", numbered(text, first, last))


def check(files: Mapping[str, str], parent: Mapping[str, str], forms: Mapping[str, int]) -> None:
    """Raise PatchError for programs that are broken, as before, or known by their form."""
    for name in sorted(files):
        try:
            parse(files[name])
        except SyntaxError as error:
            at = error.lineno or 1
            shown = numbered(files[name], at - AROUND, at + AROUND, at)
            what = line(error.msg or "", 200)
            raise PatchError(f"{name} is not Python after it: {what}, line {at}", shown) from None
        except Unreadable as error:
            raise PatchError(f"{name} {error}") from None
        except ValueError as error:
            raise PatchError(f"{name} is not Python after it: {line(str(error), 200)}") from None
    form = canonical(files)
    if form == canonical(parent):
        raise PatchError(
            "the program would be the same as the parent's but for names, comments or layout"
        )
    if form in forms:
        raise PatchError(f"the program would be the same as that of node {forms[form]}")


def numbered(text: str, first: int, last: int, mark: int = 0) -> str:
    """Lines `first` to `last` (from 1) with their numbers, an arrow before line `mark`."""
    lines = text.split("\n")
    shown = range(max(1, first), min(len(lines), last) + 1)
    return "\n".join(f"{'>' if n == mark else ' '}{n:4d}  {lines[n - 1]}" for n in shown)


def _spliced(text: str, name: str, numbers: Sequence[tuple[int, Splice]]) -> str:
    ordered = sorted(numbers, key=lambda numbered: (numbered[1].begin, numbered[1].end))
    for (one, before), (other, after) in pairwise(ordered):
        if after.begin < before.end or after[:2] == before[:2]:
            raise PatchError(f"edits {one} and {other} overlap in {name}: make them one edit")
    for _, splice in reversed(ordered):
        text = text[: splice.begin] + splice.text + text[splice.end :]
    return text


def _exact(text: str, edit: Edit) -> list[Splice]:
    splices: list[Splice] = []
    begin = text.find(edit.search)
    while begin >= 0:
        splices.append(Splice(begin, begin + len(edit.search), edit.replace))
        begin = text.find(edit.search, begin + 1)
    return splices


def _cut(text: str, place: Splice) -> str:
    """The word or number that a place would cut in two, or ""."""
    return cut(text, place.begin) or cut(text, place.end)


def _indented(text: str, place: Splice) -> bool:
    """Whether a place begins in the middle of a line's indentation."""
    before = text[text.rfind("\n", 0, place.begin) + 1 : place.begin]
    return bool(before) and not before.strip() and text[place.begin].isspace()


def _severing(text: str, place: Splice, file: str, number: int) -> PatchError:
    """Why an edit is refused whose only places are inside words or numbers."""
    at = place.begin if cut(text, place.begin) else place.end
    where, word = _line_of(text, at), line(cut(text, at), 60)
    return PatchError(
        f"the search text of edit {number} occurs in {file} only where it cuts {word!r} in two, on "
        f"line {where}: take the whole of it",
        numbered(text, where, where),
    )


def _loose(text: str, edit: Edit) -> list[Splice]:
    """Whole lines that equal those sought but for their ends and one common indentation.

    What is inside a long string is no indentation: it stays as it is unless the lines sought were
    shifted there too.
    """
    sought = edit.search.strip("\n").split("\n")
    if not any(row.strip() for row in sought):
        return []
    lines, strings = text.split("\n"), inside(text)
    starts = _starts(lines)
    splices: list[Splice] = []
    for first in range(len(lines) - len(sought) + 1):
        window, quoted = (part[first : first + len(sought)] for part in (lines, strings))
        shift = shift_between(sought, window, quoted)
        if shift is None:
            continue
        replace = shifted(edit.replace.strip("\n"), shift, quoted[0])
        if replace is not None:
            end = starts[first + len(sought) - 1] + len(window[-1])
            splices.append(Splice(starts[first], end, replace))
    return splices


def _unmarked(edit: Edit) -> Edit | None:
    """The edit without the marks of quoted lines, if every line of the search text has one."""
    search = _bare(edit.search.strip("\n"))
    if search == edit.search.strip("\n"):
        return None
    return edit.model_copy(update={"search": search, "replace": _bare(edit.replace)})


def _bare(text: str) -> str:
    """The text without the marks of quoted lines, if every line has one."""
    lines = text.rstrip("\n").split("\n")
    if not all(row.startswith(MARK) or row == MARK.rstrip() for row in lines):
        return text
    return "\n".join(row[len(MARK) :] for row in lines)


def _nearest(text: str, search: str) -> tuple[int, int]:
    """First and last line (from 1) of what resembles the search text most."""
    sought = [row.strip() for row in search.strip("\n").split("\n")]
    lines = [row.strip() for row in text.split("\n")]
    size = min(len(sought), len(lines))
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(sought[0])
    scores: list[float] = []
    for first in range(len(lines) - size + 1):
        window = lines[first : first + size]
        same = sum(a == b and bool(a) for a, b in zip(window, sought, strict=False))
        matcher.set_seq1(window[0])
        scores.append(same + matcher.ratio())
    first = scores.index(max(scores))
    return first + 1, first + size


def _starts(lines: Sequence[str]) -> list[int]:
    starts, at = [], 0
    for row in lines:
        starts.append(at)
        at += len(row) + 1
    return starts


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _ended(text: str) -> str:
    return text if text.endswith("\n") or not text else text + "\n"
