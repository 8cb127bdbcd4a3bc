"""The motif pack: published changes of PyTorch programs, and how one is applied."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

import libcst as cst
from pydantic import Field

from ...evals.syntax import undefined
from ...tasks import Frozen
from ..evolve.constants import Edit, Edited
from ..evolve.guide import Guide
from ..evolve.tree import after, before, code, rewrite, statement
from .changes import CHANGES
from .script import Script

FILE = Path(__file__).with_name("pytorch.toml")
GAP = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]


class ScriptMotif(Frozen):
    """A published change: its name, paper and idea, and the transformation that makes it.

    `helpers` is what it brings to the top of a program, unless that defines the name `needs`.
    """

    name: str
    source: str
    idea: str
    change: str
    options: Mapping[str, Any] = MappingProxyType({})
    needs: str = ""
    helpers: str = ""
    prior: float = Field(default=1.0, gt=0)


@cache
def pytorch() -> tuple[ScriptMotif, ...]:
    """The motifs that come with Ratchet."""
    entries = tomllib.loads(FILE.read_text(encoding="utf-8"))["motif"]
    return tuple(map(ScriptMotif.model_validate, entries))


def weave_motif(script: Script, rng: Random, guide: Guide) -> Edited:
    """Apply the first motif, in the order that the guide draws, whose pattern the program has."""
    if not any(full.startswith("torch") for full in script.imported.values()):
        return None
    for motif in guide.motifs(pytorch(), rng):
        if edited := apply(script, motif, rng):
            return edited
    return None


def apply(script: Script, motif: ScriptMotif, rng: Random) -> Edited:
    """The program with a motif, or None where its pattern is not there."""
    changes = CHANGES[motif.change](script, motif.options, rng)
    if not changes:
        return None
    place = script.inside(changes[0][0]).function or "the module"
    module = rewrite(script.module, changes)
    if motif.helpers and f" {motif.needs}(" not in script.source:
        module = _with_helpers(module, motif.helpers)
    module = _with_imports(module)
    idea = f"{motif.idea} ({motif.source})"
    return Edit(module, idea, motif.name, place)


def _with_helpers(module: cst.Module, text: str) -> cst.Module:
    """Put definitions behind the last import at the top of a program."""
    new = [
        node.with_changes(leading_lines=GAP) for node in cst.parse_module(text.strip() + "\n").body
    ]
    last = _last_import(module)
    follower = last + 1
    if follower < len(module.body):
        spaced = module.body[follower]
        if not spaced.leading_lines:
            spaced = spaced.with_changes(leading_lines=GAP)
        module = module.with_changes(
            body=[*module.body[:follower], spaced, *module.body[follower + 1 :]]
        )
    return rewrite(module, [(("body", last), after(*new))])


def _with_imports(module: cst.Module) -> cst.Module:
    """Import what the program now names and lacks: torch and math."""
    missing = sorted(undefined(module.code) & {"math", "torch"})
    lines = [statement(f"import {name}") for name in missing]
    ours = [index for index, node in enumerate(module.body) if _imports(node)]
    first = next(index for index in ours if "__future__" not in code(module.body[index]))
    return rewrite(module, [(("body", first), before(*lines))]) if lines else module


def _last_import(module: cst.Module) -> int:
    """The last of the first imports, up to those of torch: what follows may use what is brought."""
    last, torch = 0, False
    for index, node in enumerate(module.body):
        if _imports(node):
            last, torch = index, torch or "torch" in code(node)
        elif torch:
            break
    return last


def _imports(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(
        node.body[0], cst.Import | cst.ImportFrom
    )
