"""A constant that is used in several places: one of them gets its own, or all share a local."""

from collections.abc import Sequence
from functools import partial
from random import Random

import libcst as cst

from .constants import Edit, Edited, number, perturbed, shown
from .guide import BY_HAND, Guide
from .names import fresh, words
from .places import place
from .program import Program, Site, Spot
from .reader import analyse
from .tree import Change, after, at, before, code, rewrite, statement, swap


def divide_constant(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Give one use of a shared constant a constant of its own, near the shared one."""
    shared = {name: sites for name in program.constants if (sites := _divisible(program, name))}
    if not shared:
        return None
    name = rng.choice(sorted(shared))
    sites = shared[name]
    site = guide.pick(sites, rng, partial(place, program))
    line = [other for other in sites if other.spot is site.spot]
    chosen = [site] if len(line) == len(sites) or rng.random() < 0.25 else line
    path = program.constants[name]
    old = number(at(program.module, path))
    assert old is not None
    new = perturbed(old, rng)
    if new == old:
        return None
    own = fresh(f"{name}_{_purpose(site.spot)}", words(program.source))
    changes: list[Change] = [(use.path, swap(cst.Name(own))) for use in chosen]
    changes.append((path[:2], after(statement(f"{own} = {shown(new)}"))))
    idea = f"Gave `{site.spot.quoted}` a {name} of its own, {shown(new)} beside {shown(old)}"
    return Edit(rewrite(program.module, changes), idea, place=place(program, site))


def uses(program: Program, name: str) -> list[Site]:
    """The places where a constant is read, in order."""
    return [s for s in program.sites if isinstance(s.node, cst.Name) and s.node.value == name]


def hoisted(program: Program, site: Site) -> tuple[Program, Site] | None:
    """Let all uses of a constant in a function read a local; return the place that sets it."""
    assert isinstance(site.node, cst.Name)
    name = site.node.value
    sites = [use for use in uses(program, name) if use.spot.function == site.spot.function]
    first = _ahead(program, sites)
    if len(sites) < 2 or first is None or any(use.inline for use in sites):
        return None
    local = fresh(name.lower(), words(program.source))
    changes: list[Change] = [(use.path, swap(cst.Name(local))) for use in sites]
    changes.append((first.path, before(statement(f"{local} = {name}"))))
    changed = analyse(rewrite(program.module, changes), program.facts)
    where = (*first.path, "body", 0, "value")
    return next(((changed, place) for place in changed.sites if place.path == where), None)


def _ahead(program: Program, sites: Sequence[Site]) -> Spot | None:
    """The first statement of the innermost block that holds all of some places."""
    around = [
        spot
        for spot in program.spots
        if all(site.path[: len(spot.block)] == spot.block for site in sites)
        and any(site.path[: len(spot.path)] == spot.path for site in sites)
    ]
    deepest = max((len(spot.block) for spot in around), default=0)
    return next((spot for spot in around if len(spot.block) == deepest), None)


def _divisible(program: Program, name: str) -> list[Site]:
    """The uses of a numeric constant, if there are several."""
    sites = uses(program, name)
    several = len(sites) > 1 and number(at(program.module, program.constants[name])) is not None
    return sites if several else []


def _purpose(spot: Spot) -> str:
    """A word in capitals for what a statement makes."""
    node = spot.node
    if isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Assign):
        target: cst.BaseExpression = node.body[0].targets[0].target
        while isinstance(target, cst.Subscript | cst.Attribute):
            target = target.value
        if isinstance(target, cst.Name):
            return target.value.upper()
    return spot.function.upper()


def is_constant(program: Program, site: Site) -> bool:
    """Whether an expression is the name of a constant of the program."""
    return isinstance(site.node, cst.Name) and code(site.node) in program.constants
