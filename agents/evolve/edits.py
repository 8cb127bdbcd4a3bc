"""Edits that need nothing but the program itself.

Every edit is a function of what is known about a program and a random generator. It returns the
changed module and one sentence that says what changed, or None where nothing fits. An edit need
not be sound: the caller reads the result again and drops it if anything became worse.
"""

from collections.abc import Sequence
from functools import partial
from random import Random

import libcst as cst

from .constants import ARITHMETIC, VALUES, Edit, Edited, arithmetic, number
from .guide import BY_HAND, Guide
from .names import binds, fresh, reads, words
from .places import place
from .program import Program, Site
from .tree import after, before, code, copied, drop, fit, rewrite, statement, swap

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


def swap_operator(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Exchange an arithmetic operator, a comparison or a function for one of its kind."""
    sites = [site for site in program.sites if _swappable(site)]
    if not sites:
        return None
    site = guide.pick(sites, rng, partial(place, program))
    new = _swapped(site, rng)
    return None if new is None else _replaced(program, site, new)


def substitute(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Replace an expression by another of its kind, or combine it with one."""
    sites = [site for site in program.sites if site.kind in VALUES and not program.fragile(site)]
    if not sites:
        return None
    site = guide.pick(sites, rng, partial(place, program))
    others = [
        donor
        for donor in program.sites
        if donor.kind == site.kind and transplantable(program, donor, site)
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
    return _replaced(program, site, new)


def reuse(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Give a computed value a name and use it in a second place."""
    sources = [
        site
        for site in program.sites
        if site.kind in VALUES
        and not site.inline
        and isinstance(site.node, cst.BinaryOperation | cst.Call | cst.IfExp)
    ]
    if not sources:
        return None
    source = rng.choice(sources)
    home = program.home(source)
    if len(home) > len(source.spot.path):
        return None
    targets = [
        site
        for site in program.sites
        if site.kind == source.kind
        and not site.inline
        and not program.fragile(site)
        and source.spot.dominates(site.spot)
        and site.path[: len(home)] == home
        and site.path[: len(source.path)] != source.path
        and source.path[: len(site.path)] != site.path
        and code(site.node) != code(source.node)
    ]
    if not targets:
        return None
    target = guide.pick(targets, rng, partial(place, program))
    owner = source.spot.assigned
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
    idea = f"Used `{code(source.node)}` also in the place of `{code(target.node)}`"
    return Edit(rewrite(program.module, changes), idea, place=place(program, target))


def delete(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Remove a statement, or shorten an expression to one of its parts."""
    if rng.random() < 0.5:
        spots = [spot for spot in program.spots if spot.dispensable]
        if not spots:
            return None
        spot = guide.pick(spots, rng, partial(place, program))
        shorter = rewrite(program.module, [(spot.path, drop())])
        return Edit(shorter, f"Removed `{spot.quoted}`", place=place(program, spot))
    pairs = [
        (whole, part)
        for whole, part in _nested(program.sites)
        if whole.kind == part.kind and whole.kind in VALUES and part.inline == whole.inline
        if whole.path[: len(home := program.home(part))] == home
    ]
    if not pairs:
        return None
    whole, part = guide.pick(pairs, rng, lambda pair: place(program, pair[0]))
    changed = rewrite(program.module, [(whole.path, swap(copied(part.node)))])
    idea = f"Shortened `{code(whole.node)}` to `{code(part.node)}`"
    return Edit(changed, idea, place=place(program, whole))


def move(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Put an assignment elsewhere in its block, past a statement for which the order matters."""
    choices = [
        (spot, other)
        for spot in program.spots
        if spot.assigned
        for other in program.spots
        if other.block == spot.block and other is not spot and not other.final
        if binds(spot.node) & (reads(other.node) | binds(other.node))
        or binds(other.node) & reads(spot.node)
    ]
    if not choices:
        return None
    spot, other = guide.pick(choices, rng, lambda pair: place(program, pair[0]))
    put = after if other.path > spot.path else before
    moved = rewrite(program.module, [(spot.path, drop()), (other.path, put(spot.node))])
    return Edit(moved, f"Moved `{spot.quoted}`", place=place(program, spot))


def _replaced(program: Program, site: Site, new: cst.BaseExpression) -> Edit:
    """The program with another expression at a place."""
    changed = rewrite(program.module, [(site.path, swap(new))])
    idea = f"Replaced `{code(site.node)}` by `{code(new)}`"
    return Edit(changed, idea, place=place(program, site))


def combine(
    left: cst.BaseExpression, operator: cst.BaseBinaryOp, right: cst.BaseExpression
) -> cst.BaseExpression:
    """`left operator right`, with parentheses as needed."""
    whole = cst.BinaryOperation(left, operator, right)
    return whole.with_changes(left=fit(whole, "left", left), right=fit(whole, "right", right))


def transplantable(program: Program, source: Site, target: Site) -> bool:
    """Whether `source` would mean the same, and run, where `target` stands."""
    home = program.home(source)
    if source is target or target.path[: len(home)] != home:
        return False
    for name in reads(source.node):
        here, there = source.env.get(name), target.env.get(name)
        if here != there and (here is None or there is None or here.kind != there.kind):
            return False
    return True


def _swappable(site: Site) -> bool:
    node = site.node
    if isinstance(node, cst.BinaryOperation):
        return arithmetic(site)
    if isinstance(node, cst.Comparison):
        return any(
            isinstance(node.comparisons[0].operator, type(operator)) for operator in COMPARISONS
        )
    return isinstance(node, cst.Call) and _family(node) is not None


def _family(node: cst.Call) -> Sequence[str] | None:
    func = node.func
    name = func.attr if isinstance(func, cst.Attribute) else func
    word = name.value if isinstance(name, cst.Name) else ""
    return next((family for family in FUNCTIONS if word in family), None)


def _swapped(site: Site, rng: Random) -> cst.BaseExpression | None:
    node = site.node
    if isinstance(node, cst.BinaryOperation):
        choices = [
            operator for operator in ARITHMETIC if not isinstance(node.operator, type(operator))
        ]
        if site.kind in ("int", "float") and not _nonzero(node.right):
            choices = [operator for operator in choices if not isinstance(operator, cst.Divide)]
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
    new = cst.Name(rng.choice([other for other in family if other != name.value]))
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
