"""What a motif brings to the top level of a module."""

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache

import libcst as cst

from ...evals.syntax import parse
from ...tasks.motifs import Motif, usual
from .binder import Binder
from .constants import shown
from .names import reads
from .program import Program
from .tree import Change, after, before, statement, swap

GAP = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]


def brought(program: Program, motif: Motif, renamed: Mapping[str, str]) -> list[Change]:
    """Imports, constants, helpers, and functions of the interface that the motif replaces."""
    body = program.module.body
    rename = Binder({}, motif, renamed, {}, lenient=True)
    functions = [i for i, node in enumerate(body) if isinstance(node, cst.FunctionDef)]
    helpers = [function(rename.text(text)) for text in motif.helpers]
    overrides = [function(rename.text(text)) for text in motif.overrides]
    used = set().union(*map(reads, (*helpers, *overrides)), *map(_names, templates(motif)))
    missing = [name for name in ("math", "torch") if name in used and name not in program.modules]
    imports = [statement(f"import {name}") for name in missing]
    constants = [statement(f"{renamed[n]} = {shown(usual(v))}") for n, v in motif.constants.items()]
    changes = [
        *_placed(program, imports, _imports, functions[0]),
        *_placed(program, constants, _constant, functions[0]),
    ]
    new = [helper for helper in helpers if helper.name.value not in program.helpers]
    if new:
        changes.append((("body", functions[0]), before(*map(_spaced, new))))
    for override in overrides:
        old = [i for i in functions if _named(body[i], override.name.value)]
        place = ("body", old[0] if old else functions[-1])
        changes.append((place, swap(_spaced(override)) if old else after(_spaced(override))))
    return changes


def _placed(
    program: Program, lines: list[cst.BaseStatement], alike: Callable[[object], bool], first: int
) -> list[Change]:
    """Put lines after the last top-level statement that is `alike`, or above the functions."""
    if not lines:
        return []
    places = [index for index, node in enumerate(program.module.body[:first]) if alike(node)]
    if places:
        return [(("body", places[-1]), after(*lines))]
    lines[0] = lines[0].with_changes(leading_lines=GAP[:1])
    return [(("body", first), before(*lines))]


def templates(motif: Motif) -> tuple[str, ...]:
    """The templates of a motif that refer to the place where it is woven in."""
    return *motif.statements, motif.expression, *motif.stores.values()


def function(text: str) -> cst.FunctionDef:
    """Parse one function."""
    node = statement(text.strip())
    assert isinstance(node, cst.FunctionDef)
    return node


def _spaced(node: cst.FunctionDef) -> cst.FunctionDef:
    return node.with_changes(leading_lines=GAP)


def _named(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.FunctionDef) and node.name.value == name


def _constant(node: object) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(
        node.body[0], cst.Assign | cst.AnnAssign
    )


def _imports(node: object) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(
        node.body[0], cst.Import | cst.ImportFrom
    )


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(parse(text)) if isinstance(node, ast.Name))
