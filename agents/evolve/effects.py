"""Whether a piece of program does more than to compute a value."""

import ast
from functools import lru_cache

import libcst as cst

from ...evals.syntax import parse
from ...tasks.library.vocabulary import RANDOM
from .names import names, words
from .program import Program
from .tree import code

# Functions of Python that do something, or whose value does: an iterator goes on when it is asked.
ACTS = frozenset(("input", "next", "open", "print", "setattr", "delattr", "exec", "eval"))


def acting(program: Program) -> frozenset[str]:
    """The names whose calls may do more than to compute a value, by themselves or by others.

    They are functions of the module, and all its classes with their methods.
    """
    top = program.module.body
    bodies = {node.name.value: node for node in top if isinstance(node, cst.FunctionDef)}
    classes = [node for node in program.module.body if isinstance(node, cst.ClassDef)]
    active = frozenset(name for node in classes for name in _defined(node))
    while True:
        more = active | {name for name, node in bodies.items() if acts(node, active)}
        if more == active:
            return active
        active = more


def _defined(node: cst.ClassDef) -> list[str]:
    """The names of a class and of its methods."""
    methods = [part for part in node.body.body if isinstance(part, cst.FunctionDef)]
    return [node.name.value, *(method.name.value for method in methods)]


def acts(node: cst.CSTNode, active: frozenset[str] = frozenset()) -> bool:
    """Whether a node may draw, print, raise by itself or change an object; `active` names do."""
    return not active.isdisjoint(words(code(node))) or _acts_itself(node)


@lru_cache(maxsize=8192)
def _acts_itself(node: cst.CSTNode) -> bool:
    if names(node).mutates:
        return True
    text = code(node).strip()
    tree = parse(f"({text})" if isinstance(node, cst.BaseExpression) else text)
    return any(_acts(part) for part in ast.walk(tree))


def _acts(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name in ACTS or name in RANDOM
        case ast.Global() | ast.Nonlocal() | ast.Raise() | ast.Yield() | ast.YieldFrom():
            return True
        case ast.Assert() | ast.Await() | ast.Delete() | ast.NamedExpr():
            return True
        case ast.Attribute(ctx=ast.Store()):
            return True
        case _:
            return False
