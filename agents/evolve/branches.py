"""Branches by kind: which kinds of tensor get to a place, and whether a test tells them apart."""

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import libcst as cst

from ...evals.syntax import parse, parse_expression
from ...tasks.motifs import Facts, Motif
from .program import Program
from .toplevel import templates
from .tree import Path, at, code

ANOTHER = "another kind"


class Kinds(NamedTuple):
    """The kinds that a test lets through: those named, or all but those named."""

    named: frozenset[str]
    through: bool

    def passes(self, kind: str) -> bool:
        """Whether tensors of a kind are let through."""
        return (kind in self.named) == self.through


class Branch(NamedTuple):
    """An `if` around a place, the way through it, and the kinds that go that way if it tells."""

    path: Path
    kinds: Kinds | None


def around(program: Program, path: Path) -> Iterator[Branch]:
    """The branches that a place is in, from the outside in."""
    for depth, step in enumerate(path):
        node = at(program.module, path[:depth])
        if isinstance(node, cst.If | cst.IfExp) and step in ("body", "orelse"):
            kinds = kinds_of(code(node.test))
            if kinds and step == "orelse":
                kinds = Kinds(kinds.named, not kinds.through)
            yield Branch(path[:depth], kinds)


@lru_cache(maxsize=2048)
def kinds_of(test: str) -> Kinds | None:
    """The kinds that pass a test such as `ctx.kinds[name] in ("matrix", "conv")`, if it is one."""
    node = parse_expression(test)
    flipped = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    if isinstance(node, ast.UnaryOp) and flipped:
        node = node.operand
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return None
    try:
        value = ast.literal_eval(node.comparators[0])
    except ValueError:
        return None
    named = (value,) if isinstance(value, str) else value
    if not isinstance(named, tuple | list | set) or not all(isinstance(n, str) for n in named):
        return None
    if not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        return None
    through = isinstance(node.ops[0], ast.Eq | ast.In)
    return Kinds(frozenset(named), through != flipped)


def admitted(program: Program, path: Path, guards: Sequence[Kinds | None]) -> bool:
    """Whether every kind that gets to a place would pass some other branches as well."""
    wanted = [kinds for kinds in guards if kinds]
    ways = [branch.kinds for branch in around(program, path) if branch.kinds]
    every = frozenset({ANOTHER}).union(*(kinds.named for kinds in (*wanted, *ways)))
    here = [kind for kind in every if all(way.passes(kind) for way in ways)]
    return len(wanted) == len(guards) and all(w.passes(kind) for w in wanted for kind in here)


def tests(facts: Facts) -> tuple[str, ...]:
    """The tests by kind that the task's motifs and blends make."""
    motifs: Sequence[Motif] = (*facts.motifs, *facts.blends)
    return tuple(dict.fromkeys(test for motif in motifs for test in tests_in(templates(motif))))


@lru_cache(maxsize=1024)
def tests_in(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The tests by kind in some templates."""
    nodes = [node for text in texts for node in ast.walk(parse(text))]
    found = [ast.unparse(node.test) for node in nodes if isinstance(node, ast.IfExp)]
    return tuple(test for test in found if kinds_of(test))


def divides(program: Program, test: str, path: Path) -> bool:
    """Whether a test has both answers for the kinds that get to a place."""
    wanted = kinds_of(test)
    ways = [branch.kinds for branch in around(program, path) if branch.kinds]
    if wanted is None or not ways:
        return True
    every = wanted.named.union({ANOTHER}, *(way.named for way in ways))
    here = [kind for kind in every if all(way.passes(kind) for way in ways)]
    return len({wanted.passes(kind) for kind in here}) == 2
