"""Programs made from replies: built, held against what is known, and how earlier ones failed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ...archive import Node, Tree
from ...sandbox.text import quoted
from ..base import Brief
from .facts import rejected
from .fault import described, place, stable
from .forms import Edit, File
from .patch import PatchError, apply, check

FENCED = re.compile(r"\s*```[\w+-]*\n(.*?)\n?```\s*", re.DOTALL)


class Fault(NamedTuple):
    """Why a program may not be offered: a sentence, and the message for the model that wrote it."""

    sentence: str
    told: str


def rewrites(files: Iterable[File]) -> list[Edit]:
    """Whole files as edits; a code fence around one is borne."""
    return [Edit(file=file.file, search="", replace=_bare(file.text)) for file in files]


def built(brief: Brief, edits: Sequence[Edit]) -> dict[str, str] | Fault:
    """The parent after the edits if that is new, allowed and alive, or what is wrong with it."""
    parent = brief.parent.candidate.files
    try:
        files = apply(parent, edits)
        check(files, parent, known(brief.tree))
    except PatchError as error:
        return Fault(str(error), error.told)
    tried = brief.desk.try_out(files)
    return files if tried.ok else Fault(*described(tried, files))


def editable(brief: Brief) -> str:
    """The names of the files that may be changed."""
    return ", ".join(sorted(brief.parent.candidate.files))


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
    text = stable(f"{node.verdict.reason if node.verdict else ''}\n{node.log}").strip()
    return f"{quoted(text, most)}{place(text, node.candidate.files)}"


def _bare(text: str) -> str:
    fenced = FENCED.fullmatch(text)
    return fenced[1] if fenced else text
