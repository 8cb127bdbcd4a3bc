"""Which names a piece of program reads and binds, and names that are still free."""

import ast
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

import libcst as cst

from ...evals.syntax import parse
from .tree import code

MUTATORS = frozenset(("add", "append", "clear", "discard", "extend", "insert", "pop", "popitem"))
MUTATORS |= {"remove", "reverse", "setdefault", "sort", "update"}
WORD = re.compile(r"[A-Za-z_]\w*")


class Names(NamedTuple):
    """The names in a statement or an expression.

    `reads` counts all that is read, `outside` not what is read in named values of dicts; `inner`
    are the targets of comprehensions, `slots` the strings by which something is subscripted;
    `sets_items` says whether an entry of something is assigned, `mutates` whether a method is
    called that may change what it belongs to.
    """

    reads: frozenset[str]
    outside: frozenset[str]
    binds: frozenset[str]
    inner: frozenset[str]
    slots: frozenset[str]
    outside_slots: frozenset[str]
    sets_items: bool
    mutates: bool


@lru_cache(maxsize=32768)
def names(node: cst.CSTNode) -> Names:
    """Find the names in a node."""
    text = code(node).strip()
    tree = parse(f"({text})" if isinstance(node, cst.BaseExpression) else text)
    everything, outside = list(ast.walk(tree)), list(_outside(tree))
    inner = [t for c in everything if isinstance(c, ast.comprehension) for t in ast.walk(c.target)]
    return Names(
        _named(everything, ast.Load),
        _named(outside, ast.Load),
        _named(everything, ast.Store),
        _named(inner, ast.Store),
        _slots(everything),
        _slots(outside),
        any(isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store) for n in everything),
        any(isinstance(n, ast.Call) and _mutating(n.func) for n in everything),
    )


def reads(node: cst.CSTNode) -> frozenset[str]:
    """Names that are read, with those bound inside."""
    return names(node).reads


def binds(node: cst.CSTNode) -> frozenset[str]:
    """Names that are assigned, anywhere in the node."""
    return names(node).binds


def free(node: cst.CSTNode) -> frozenset[str]:
    """Names that are read and not bound by a comprehension inside."""
    own = names(node)
    return own.reads - own.inner


def words(source: str) -> set[str]:
    """Every word of a program, comments and strings included."""
    return set(WORD.findall(source))


def fresh(name: str, taken: Collection[str]) -> str:
    """`name`, or the first of `name_2`, `name_3`, ... that is not taken."""
    stem, number = re.sub(r"_\d+$", "", name), 2
    if name not in taken:
        return name
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def _mutating(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return False
    return function.attr in MUTATORS or function.attr.endswith("_")


def _outside(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree but not into the values of dicts, of those that have a name."""
    yield tree
    for child in _unnamed(tree) if isinstance(tree, ast.Dict) else ast.iter_child_nodes(tree):
        yield from _outside(child)


def _unnamed(node: ast.Dict) -> Iterator[ast.AST]:
    """The keys of a dict, and the values that no string names, such as what `**` takes over."""
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None:
            yield key
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            yield value


def _named(nodes: Collection[ast.AST], context: type[ast.expr_context]) -> frozenset[str]:
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, context))


def _slots(nodes: Collection[ast.AST]) -> frozenset[str]:
    return frozenset(
        node.slice.value
        for node in nodes
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
        and isinstance(node.ctx, ast.Load)
    )
