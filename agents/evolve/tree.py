"""Addressing and rewriting concrete syntax trees by path, with parentheses where they are needed.

Trees are immutable: a rewrite copies only the nodes between the root and the change.
"""

import ast
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, cast

import libcst as cst

from ...evals.syntax import parse_expression

Path = tuple[str | int, ...]
Edit = Callable[[cst.CSTNode], cst.CSTNode | Sequence[cst.CSTNode]]
Change = tuple[Path, Edit]

ATOM = 14
BINARY: dict[type[cst.CSTNode], int] = {
    cst.Add: 9,
    cst.Subtract: 9,
    cst.Multiply: 10,
    cst.Divide: 10,
    cst.FloorDivide: 10,
    cst.Modulo: 10,
    cst.MatrixMultiply: 10,
    cst.Power: 12,
    cst.BitAnd: 7,
    cst.BitXor: 6,
    cst.BitOr: 5,
    cst.LeftShift: 8,
    cst.RightShift: 8,
}


def at(root: cst.CSTNode, path: Path) -> Any:
    """Return the node (or sequence of nodes) that `path` leads to."""
    node: Any = root
    for step in path:
        node = getattr(node, step) if isinstance(step, str) else node[step]
    return node


def rewrite(module: cst.Module, changes: Iterable[Change]) -> cst.Module:
    """Apply `changes`, whose paths all refer to `module` as it is now.

    Changes inside a node come before changes of the node; changes of one node in the order given.
    A statement may become several, or none.
    """
    for path, edit in sorted(changes, key=lambda change: _order(change[0]), reverse=True):
        module = cast(cst.Module, _apply(module, path, edit))
    return module


def swap(new: cst.CSTNode) -> Edit:
    """Put `new` in the place of a node."""
    return lambda _old: new


def before(*statements: cst.CSTNode) -> Edit:
    """Insert statements ahead of a statement."""
    return lambda old: [*statements, old]


def after(*statements: cst.CSTNode) -> Edit:
    """Insert statements behind a statement."""
    return lambda old: [old, *statements]


def drop() -> Edit:
    """Remove a statement or an element."""
    return lambda _old: []


@lru_cache(maxsize=8192)
def code(node: cst.CSTNode) -> str:
    """The source text of a node, as one line and without outer parentheses if an expression."""
    text = cst.Module([]).code_for_node(node)
    if isinstance(node, cst.BaseExpression) and ("\n" in text or node.lpar):
        text = ast.unparse(parse_expression(text))
        return text if '"' in text else text.replace("'", '"')
    return text


@lru_cache(maxsize=8192)
def expression(text: str) -> cst.BaseExpression:
    """Parse one expression."""
    return cst.parse_expression(text)


@lru_cache(maxsize=8192)
def statement(text: str) -> cst.BaseStatement:
    """Parse one statement."""
    return cst.parse_module(text + "\n").body[0]


def copied(node: cst.BaseExpression) -> cst.BaseExpression:
    """Return an equal expression that may stand anywhere."""
    return expression(code(node))


def fit(parent: cst.CSTNode, field: str, child: cst.BaseExpression) -> cst.BaseExpression:
    """Return `child` with parentheses if it needs them as `parent.field`."""
    if child.lpar or _strength(child) >= _demand(parent, field):
        return child
    pair = {"lpar": [cst.LeftParen()], "rpar": [cst.RightParen()]}
    return child.with_changes(**pair)


def _order(path: Path) -> list[tuple[int, int | str]]:
    return [(isinstance(step, str), step) for step in path]


def _apply(node: Any, path: Path, edit: Edit) -> Any:
    if not path:
        return edit(node)
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        child = _apply(getattr(node, step), rest, edit)
        if isinstance(child, cst.BaseExpression):
            child = fit(node, step, child)
        if isinstance(node, cst.IndentedBlock) and step == "body" and not child:
            child = [statement("pass")]
        return node.with_changes(**{step: child})
    changed = _apply(node[step], rest, edit)
    several = changed if isinstance(changed, list) else [changed]
    return [*node[:step], *several, *node[step + 1 :]]


def _strength(node: cst.BaseExpression) -> int:
    match node:
        case cst.BinaryOperation():
            return BINARY.get(type(node.operator), 5)
        case cst.UnaryOperation():
            return 3 if isinstance(node.operator, cst.Not) else 11
        case cst.Comparison():
            return 4
        case cst.BooleanOperation():
            return 2 if isinstance(node.operator, cst.And) else 1
        case cst.IfExp() | cst.Lambda():
            return 0
        case cst.Float() | cst.Integer() if node.value.startswith("-"):
            return 11
    return ATOM


def _demand(parent: cst.CSTNode, field: str) -> int:
    match parent:
        case cst.BinaryOperation() if isinstance(parent.operator, cst.Power):
            return ATOM if field == "left" else 11
        case cst.BinaryOperation():
            return BINARY.get(type(parent.operator), 5) + (field == "right")
        case cst.UnaryOperation():
            return 3 if isinstance(parent.operator, cst.Not) else 11
        case cst.Comparison() | cst.ComparisonTarget():
            return 5
        case cst.BooleanOperation():
            return (2 if isinstance(parent.operator, cst.And) else 1) + 1
        case cst.IfExp():
            return 0 if field == "orelse" else 1
        case cst.Attribute():
            return ATOM
        case cst.Subscript() if field == "value":
            return ATOM
        case cst.Call() if field == "func":
            return ATOM
        case cst.StarredElement() | cst.CompFor():
            return 1
    return 0
