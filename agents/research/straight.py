"""What agents share whose steps follow each other in a straight line, without a graph."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ...archive import Node, Tree
from ...sandbox.text import line, quoted
from ..base import AgentError, Brief
from .facts import rejected
from .fault import described, located, stable
from .forms import Edit, Form
from .patch import AROUND, PatchError, apply, check, numbered
from .prompts import FOLDER, PLACEHOLDER

FENCED = re.compile(r"\s*```[\w+-]*\n(.*?)\n?```\s*", re.DOTALL)


class File(Form):
    """One file of a program, whole."""

    file: str
    text: str


class Fault(NamedTuple):
    """Why a program may not be offered: in a sentence, and as the one who wrote it is told."""

    sentence: str
    told: str


def page(name: str, **values: str) -> str:
    """A prompt document with its placeholders filled; raises AgentError if they do not match."""
    try:
        text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise AgentError(f"the prompt {name}.md is missing: install Ratchet again") from None
    if set(PLACEHOLDER.findall(text)) != values.keys():
        given = ", ".join(sorted(values)) or "none"
        raise AgentError(f"the placeholders of prompt {name}.md should be: {given}")
    filled = PLACEHOLDER.sub(lambda found: values[found[1]], text)
    return re.sub(r"\n{3,}", "\n\n", filled).strip()


def rewrites(files: Iterable[File]) -> list[Edit]:
    """Whole files as edits; a code fence around one is borne."""
    return [Edit(file=each.file, search="", replace=_bare(each.text)) for each in files]


def built(brief: Brief, edits: Sequence[Edit]) -> dict[str, str] | Fault:
    """The parent after the edits if that is new, allowed and alive, or what is wrong with it."""
    parent = brief.parent.candidate.files
    try:
        files = apply(parent, edits)
        check(files, parent, known(brief.tree))
    except PatchError as error:
        return Fault(str(error), error.told)
    found = brief.desk.try_out(files)
    return files if found.ok else Fault(*described(found, files))


def known(tree: Tree) -> Mapping[str, int]:
    """The first node of every form that the tree holds."""
    return {node.canonical: node.number for node in reversed(list(tree))}


def broken(node: Node) -> bool:
    """Whether a proposal did not run or was not allowed to, and not because a person said so."""
    return node.standing == "invalid" and not rejected(node)


def void(node: Node) -> bool:
    """Whether a turn offered nothing new, so that its node is a copy and was never measured."""
    measured = node.verdict is None or node.verdict.evidence
    return node.standing == "no gain" and not measured


def failure(node: Node, most: int = 2000) -> str:
    """How a broken proposal ended: its reason and log, and the lines that they point to."""
    files = node.candidate.files
    text = stable(f"{node.verdict.reason if node.verdict else ''}\n{node.log}").strip()
    place = located(text, files)
    if place is None:
        return quoted(text, most)
    name, at = place
    shown = quoted(numbered(files[name], at - AROUND, at + AROUND, at))
    return f"{quoted(text, most)}\n\nThe place, {line(name, 80)} line {at}:\n{shown}"


def occasion(brief: Brief) -> str:
    """Which proposal this is, so that those worked on at one time are not asked for alike."""
    turn, _, attempt = brief.desk.thread.rpartition("/")[2].partition(".")
    text = f"This is proposal {turn} of the search. Others are worked on at the same time by the "
    text += "same rules, so go a way of your own."
    if attempt.isdigit() and int(attempt):
        text += f" It is attempt {int(attempt) + 1}: what was offered before came to nothing or to "
        text += "a known program."
    return text


def _bare(text: str) -> str:
    fenced = FENCED.fullmatch(text)
    return fenced[1] if fenced else text
