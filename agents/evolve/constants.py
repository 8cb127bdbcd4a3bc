"""Numbers in a program, and the edit that changes them."""

import ast
import math
from collections.abc import Sequence
from operator import itemgetter
from random import Random
from typing import NamedTuple

import libcst as cst

from ...evals.syntax import parse_expression
from ...tasks.motifs import Kind
from .guide import BY_HAND, Guide
from .program import Program, Site
from .tree import at, code, expression, rewrite, swap


class Edit(NamedTuple):
    """A changed module, and one sentence that says what changed.

    `motif` names the motif that was woven in, if any, and `place` says where the change was made.
    """

    module: cst.Module
    idea: str
    motif: str = ""
    place: str = ""


Edited = Edit | None
VALUES: frozenset[Kind] = frozenset(("float", "scalar", "tensor"))
ARITHMETIC: Sequence[cst.BaseBinaryOp] = (cst.Add(), cst.Subtract(), cst.Multiply(), cst.Divide())


def perturb_constant(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Scale a number on a logarithmic scale; a decay rate by its distance from one."""
    named = [
        (path, name, f"constant {name}")
        for name, path in program.constants.items()
        if number(at(program.module, path)) is not None
    ]
    sums = {site.path for site in program.sites if site.kind in VALUES and arithmetic(site)}
    literals = [
        (site.path, "", site.spot.function)
        for site in program.sites
        if isinstance(site.node, cst.Float)
        or (isinstance(site.node, cst.Integer) and site.path[:-1] in sums)
    ]
    if not named and not literals:
        return None
    choices = named if named and (not literals or rng.random() < 0.8) else literals
    path, name, where = guide.pick(choices, rng, itemgetter(2))
    node = at(program.module, path)
    old = number(node)
    assert old is not None
    new = perturbed(old if name else float(old), rng)
    what = name or "a literal"
    module = rewrite(program.module, [(path, swap(literal(new)))])
    return Edit(module, f"Changed {what} from {code(node)} to {shown(new)}", place=where)


def number(node: cst.CSTNode) -> float | int | None:
    """The value of a numeric literal."""
    if not isinstance(node, cst.Float | cst.Integer | cst.UnaryOperation):
        return None
    try:
        value = ast.literal_eval(parse_expression(code(node)))
    except ValueError:
        return None
    return value if isinstance(value, float | int) and not isinstance(value, bool) else None


def perturbed(value: float | int, rng: Random) -> float | int:
    """A number near `value`, to three significant digits."""
    step = rng.gauss(0.0, 1.2 if rng.random() < 0.25 else 0.4)
    if isinstance(value, int):
        near = value + rng.choice((-1, 1))
        scaled = round(value * math.exp(step))
        return scaled if scaled != value and rng.random() < 0.5 else max(near, min(value, 1))
    if value == 0:
        return rounded(rng.choice((-1, 1)) * 10 ** rng.uniform(-4, -0.5))
    if 0.5 < value < 1:
        return round(1 - rounded(min(max((1 - value) * math.exp(step), 1e-6), 0.9)), 8)
    return rounded(value * math.exp(step))


def rounded(value: float) -> float:
    """The nearest number of three significant digits."""
    return float(f"{value:.3g}")


def shown(value: float | int) -> str:
    """A number as a program would write it."""
    return repr(value)


def literal(value: float | int) -> cst.BaseExpression:
    """The expression of a number."""
    return expression(shown(value))


def arithmetic(site: Site) -> bool:
    """Whether an expression is a sum, a difference, a product or a quotient."""
    node = site.node
    return isinstance(node, cst.BinaryOperation) and any(
        isinstance(node.operator, type(operator)) for operator in ARITHMETIC
    )
