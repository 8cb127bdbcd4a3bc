"""Edits that need nothing but the program itself.

Every edit is a function of what is known about a program and a random generator. It returns the
changed module and one sentence that says what changed, or None where nothing fits. An edit need
not be sound: the caller reads the result again and drops it if anything became worse.
"""

import ast
import math
from collections.abc import Sequence
from random import Random

import libcst as cst

from .analysis import Analysis, Site, Spot
from .kinds import Kind
from .names import binds, fresh, reads, words
from .tree import Path, after, at, before, code, copied, drop, expression, fit, rewrite, statement, swap

Edited = tuple[cst.Module, str] | None
VALUES: frozenset[Kind] = frozenset(("float", "scalar", "tensor"))
ARITHMETIC: Sequence[cst.BaseBinaryOp] = (cst.Add(), cst.Subtract(), cst.Multiply(), cst.Divide())
COMPARISONS: Sequence[cst.BaseCompOp] = (
    cst.LessThan(),
    cst.GreaterThan(),
    cst.LessThanEqual(),
    cst.GreaterThanEqual(),
)
FUNCTIONS: Sequence[Sequence[str]] = (
    ("abs", "sign", "tanh", "square", "relu", "sqrt", "atan", "sigmoid"),
    ("maximum", "minimum"),
    ("clamp_min", "clamp_max"),
    ("max", "min"),
    ("mean", "amax", "std"),
    ("exp", "expm1", "softplus"),
    ("cos", "sin"),
)


def perturb_constant(program: Analysis, rng: Random) -> Edited:
    """Scale a number on a logarithmic scale; a decay rate by its distance from one."""
    named = [
        (path, name)
        for name, path in program.constants.items()
        if number(at(program.module, path)) is not None
    ]
    literals = [(each.path, "") for each in program.sites if isinstance(each.node, cst.Float)]
    if not named and not literals:
        return None
    path, name = rng.choice(named if named and (not literals or rng.random() < 0.8) else literals)
    node = at(program.module, path)
    old = number(node)
    assert old is not None
    new = perturbed(old, rng)
    what = name or "a literal"
    return rewrite(program.module, [(path, swap(literal(new)))]), (
        f"Changed {what} from {code(node)} to {shown(new)}"
    )


def swap_operator(program: Analysis, rng: Random) -> Edited:
    """Exchange an arithmetic operator, a comparison or a function for one of its kind."""
    found = [each for each in program.sites if _swappable(each)]
    if not found:
        return None
    site = rng.choice(found)
    new = _swapped(site, rng)
    if new is None:
        return None
    changed = rewrite(program.module, [(site.path, swap(new))])
    return changed, f"Replaced `{code(site.node)}` by `{code(new)}`"


def substitute(program: Analysis, rng: Random) -> Edited:
    """Replace an expression by another of its kind, or combine it with one."""
    sites = [each for each in program.sites if each.kind in VALUES]
    if not sites:
        return None
    site = rng.choice(sites)
    others = [
        each for each in program.sites if each.kind == site.kind and transplantable(each, site)
    ]
    if not others:
        return None
    other = rng.choice(others)
    new = copied(other.node)
    if rng.random() < 0.4:
        operator = rng.choice(ARITHMETIC[:3])
        new = combine(copied(site.node), operator, new)
    if code(new) == code(site.node):
        return None
    changed = rewrite(program.module, [(site.path, swap(new))])
    return changed, f"Replaced `{code(site.node)}` by `{code(new)}`"


def reuse(program: Analysis, rng: Random) -> Edited:
    """Give a computed value a name and use it in a second place."""
    sources = [
        each
        for each in program.sites
        if each.kind in VALUES
        and not each.inline
        and isinstance(each.node, cst.BinaryOperation | cst.Call | cst.IfExp)
    ]
    if not sources:
        return None
    source = rng.choice(sources)
    targets = [
        each
        for each in program.sites
        if each.kind == source.kind
        and not each.inline
        and dominates(source.spot, each.spot)
        and each.path[: len(source.path)] != source.path
        and source.path[: len(each.path)] != each.path
        and code(each.node) != code(source.node)
    ]
    if not targets:
        return None
    target = rng.choice(targets)
    owner = assigned(source.spot)
    if owner and source.path[:-1] == (*source.spot.path, "body", 0) and owner in target.env:
        changes = [(target.path, swap(cst.Name(owner)))]
    else:
        owner = fresh("shared", words(program.source))
        hoisted = statement(f"{owner} = {code(source.node)}")
        changes = [
            (source.path, swap(cst.Name(owner))),
            (target.path, swap(cst.Name(owner))),
            (source.spot.path, before(hoisted)),
        ]
    return rewrite(program.module, changes), (
        f"Used `{code(source.node)}` also in the place of `{code(target.node)}`"
    )


def delete(program: Analysis, rng: Random) -> Edited:
    """Remove a statement, or shorten an expression to one of its parts."""
    if rng.random() < 0.5:
        spots = [each for each in program.spots if not isinstance(each.node, cst.FunctionDef)]
        spots = [each for each in spots if not _returns(each)]
        if not spots:
            return None
        spot = rng.choice(spots)
        return rewrite(program.module, [(spot.path, drop())]), f"Removed `{first_line(spot.node)}`"
    pairs = [
        (whole, part)
        for whole, part in _nested(program.sites)
        if whole.kind == part.kind and whole.kind in VALUES and part.inline == whole.inline
    ]
    if not pairs:
        return None
    whole, part = rng.choice(pairs)
    changed = rewrite(program.module, [(whole.path, swap(copied(part.node)))])
    return changed, f"Shortened `{code(whole.node)}` to `{code(part.node)}`"


def move(program: Analysis, rng: Random) -> Edited:
    """Put an assignment elsewhere in its block, past a statement for which the order matters."""
    choices = [
        (spot, place)
        for spot in program.spots
        if assigned(spot)
        for place in program.spots
        if place.block == spot.block and place is not spot and not _returns(place)
        if binds(spot.node) & (reads(place.node) | binds(place.node))
        or binds(place.node) & reads(spot.node)
    ]
    if not choices:
        return None
    spot, place = rng.choice(choices)
    put = after if place.path > spot.path else before
    changes = [(spot.path, drop()), (place.path, put(spot.node))]
    return rewrite(program.module, changes), f"Moved `{first_line(spot.node)}`"


def first_line(node: cst.CSTNode) -> str:
    """A statement as it may be quoted: without what is above, beside and below."""
    lines = [line for line in code(node).splitlines() if line.strip() and line.strip()[0] != "#"]
    return lines[0].split("  #")[0].strip() if lines else ""


def number(node: cst.CSTNode) -> float | int | None:
    """The value of a numeric literal."""
    if not isinstance(node, cst.Float | cst.Integer | cst.UnaryOperation):
        return None
    try:
        value = ast.literal_eval(code(node))
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


def combine(
    left: cst.BaseExpression, operator: cst.BaseBinaryOp, right: cst.BaseExpression
) -> cst.BaseExpression:
    """`left operator right`, with parentheses as needed."""
    whole = cst.BinaryOperation(left, operator, right)
    return whole.with_changes(left=fit(whole, "left", left), right=fit(whole, "right", right))


def transplantable(source: Site, target: Site) -> bool:
    """Whether the names that `source` reads mean the same where `target` stands."""
    if source is target:
        return False
    for name in reads(source.node):
        known = source.env.get(name)
        if known != target.env.get(name) and (known is None or name not in target.env):
            return False
        if known is not None and target.env[name].kind != known.kind:
            return False
    return True


def dominates(first: Spot, second: Spot) -> bool:
    """Whether `first` has always run when `second` does."""
    depth = len(first.path)
    return second.path[: depth - 1] == first.block and second.path[:depth] >= first.path


def assigned(spot: Spot) -> str:
    """The one name that a statement assigns, if that is all it does."""
    node = spot.node
    simple = isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1
    if simple and isinstance(node.body[0], cst.Assign) and len(binds(node)) == 1:
        target = node.body[0].targets[0].target
        return target.value if isinstance(target, cst.Name) else ""
    return ""


def _returns(spot: Spot) -> bool:
    node = spot.node
    return isinstance(node, cst.SimpleStatementLine) and isinstance(
        node.body[-1], cst.Return | cst.Raise
    )


def _swappable(site: Site) -> bool:
    node = site.node
    if isinstance(node, cst.BinaryOperation):
        return any(isinstance(node.operator, type(each)) for each in ARITHMETIC)
    if isinstance(node, cst.Comparison):
        return any(isinstance(node.comparisons[0].operator, type(each)) for each in COMPARISONS)
    return isinstance(node, cst.Call) and _family(node) is not None


def _family(node: cst.Call) -> Sequence[str] | None:
    func = node.func
    name = func.attr if isinstance(func, cst.Attribute) else func
    word = name.value if isinstance(name, cst.Name) else ""
    return next((family for family in FUNCTIONS if word in family), None)


def _swapped(site: Site, rng: Random) -> cst.BaseExpression | None:
    node = site.node
    if isinstance(node, cst.BinaryOperation):
        choices = [each for each in ARITHMETIC if not isinstance(node.operator, type(each))]
        if site.kind in ("int", "float") and not _nonzero(node.right):
            choices = [each for each in choices if not isinstance(each, cst.Divide)]
        return combine(node.left, rng.choice(choices), node.right)
    if isinstance(node, cst.Comparison):
        first = node.comparisons[0]
        choice = rng.choice([c for c in COMPARISONS if not isinstance(first.operator, type(c))])
        changed = first.with_changes(operator=choice)
        return node.with_changes(comparisons=[changed, *node.comparisons[1:]])
    assert isinstance(node, cst.Call)
    family, func = _family(node), node.func
    name = func.attr if isinstance(func, cst.Attribute) else func
    assert family is not None
    assert isinstance(name, cst.Name)
    new = cst.Name(rng.choice([each for each in family if each != name.value]))
    if isinstance(func, cst.Attribute):
        return node.with_changes(func=func.with_changes(attr=new))
    return node.with_changes(func=new)


def _nonzero(node: cst.BaseExpression) -> bool:
    return bool(number(node)) or (isinstance(node, cst.Name) and node.value.isupper())


def _nested(sites: Sequence[Site]) -> list[tuple[Site, Site]]:
    """Pairs of an expression and a proper part of it; parts are recorded before the whole."""
    pairs: list[tuple[Site, Site]] = []
    for index, whole in enumerate(sites):
        depth = len(whole.path)
        for part in reversed(sites[:index]):
            if part.path[:depth] != whole.path:
                break
            pairs.append((whole, part))
    return pairs
