"""Which names a piece of program reads and binds, and names that are still free."""

import ast
import re
from collections.abc import Collection
from functools import lru_cache

import libcst as cst

from .tree import code

WORD = re.compile(r"[A-Za-z_]\w*")


@lru_cache(maxsize=16384)
def reads(node: cst.CSTNode) -> frozenset[str]:
    """Names that are read in a statement or an expression, with those bound inside it."""
    return frozenset(
        each.id
        for each in ast.walk(_parsed(node))
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    )


@lru_cache(maxsize=16384)
def binds(node: cst.CSTNode) -> frozenset[str]:
    """Names that a statement assigns, anywhere in it."""
    return frozenset(
        each.id
        for each in ast.walk(_parsed(node))
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )


@lru_cache(maxsize=16384)
def slot_reads(node: cst.CSTNode) -> frozenset[str]:
    """Constant strings by which something is subscripted."""
    return frozenset(
        each.slice.value
        for each in ast.walk(_parsed(node))
        if isinstance(each, ast.Subscript)
        and isinstance(each.slice, ast.Constant)
        and isinstance(each.slice.value, str)
        and isinstance(each.ctx, ast.Load)
    )


def words(module: cst.Module) -> set[str]:
    """Every word of a program, comments and strings included."""
    return set(WORD.findall(module.code))


def fresh(name: str, taken: Collection[str]) -> str:
    """`name`, or the first of `name_2`, `name_3`, ... that is not taken."""
    stem, number = re.sub(r"_\d+$", "", name), 2
    if name not in taken:
        return name
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def _parsed(node: cst.CSTNode) -> ast.AST:
    text = code(node)
    if isinstance(node, cst.BaseSmallStatement | cst.BaseExpression):
        text = text.strip()
    if isinstance(node, cst.BaseExpression):
        text = f"({text})"
    return ast.parse(text)
