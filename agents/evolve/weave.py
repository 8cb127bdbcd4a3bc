"""Weaving a motif into a program: fresh names, new slots in the state, helpers brought along."""

import ast
from functools import lru_cache, partial
from random import Random

import libcst as cst

from ...evals.syntax import parse, parse_expression
from ...tasks.motifs import Group, Motif
from .binder import Binder, Unfit
from .constants import Edit, Edited
from .factors import DRIFTS, located, settled
from .guide import BY_HAND, Guide
from .names import binds, fresh, reads, words
from .places import place
from .program import Program, Site
from .slots import home, slotted
from .toplevel import brought, function, templates
from .tree import Change, at, before, code, expression, rewrite, statement, swap
from .uses import hoisted, is_constant, uses

TAKEOVER = Motif("takeover", "", "value", "", "v", "unknown")
EVERYWHERE = 0.5  # how often a motif takes hold of a constant in a whole function


def insert_motif(program: Program, rng: Random, guide: Guide = BY_HAND, *, group: Group) -> Edited:
    """Weave one of the task's motifs in at a random place where its types fit."""
    motifs = [motif for motif in program.facts.motifs if motif.group == group]
    if group == "factor":
        motifs += DRIFTS
    for motif in guide.motifs(motifs, rng):
        sites = [site for site in program.sites if suits(program, motif, site)]
        if not sites:
            continue
        interests = [interest(program, site) for site in sites]
        site = guide.pick(sites, rng, partial(place, program), interests)
        where = place(program, site)
        wide = is_constant(program, site) and rng.random() < EVERYWHERE
        program, site = (hoisted(program, site) if wide else None) or (program, site)
        edited = weave(program, motif, site, rng)
        return edited and edited._replace(place=where)
    return None


def interest(program: Program, site: Site) -> float:
    """The weight of a place: a value with a name matters more than a part of a formula."""
    if site.type.role.startswith("params"):
        return 0.2
    if isinstance(site.node, cst.Float | cst.Integer):
        return 0.3
    if is_constant(program, site):
        return 4.0 / len(uses(program, code(site.node)))
    if site.whole:
        return 4.0
    return 0.5 if site.kind == "float" and not isinstance(site.node, cst.Name) else 1.0


def suits(program: Program, motif: Motif, site: Site) -> bool:
    """Whether a motif may take the place of an expression."""
    wanted = motif.takes.get("x", motif.gives)
    outside = program.outside(site)
    return (
        site.kind == wanted
        and site.spot.function in program.facts.functions
        and (motif.place == "any" or outside)
        and not program.fragile(site)
        and not (site.inline and (motif.statements or motif.slots))
        and not (motif.overrides and not site.spot.plain)
        and (not motif.slots or home(program, site.spot) is not None)
        and located(program, motif, site)
        and not (site.inline and not outside and site.spot.function == "init")
        and "states" not in program.results.get(site.spot.function, ())[:1]
    )


def weave(program: Program, motif: Motif, site: Site, rng: Random) -> Edited:
    """Replace the expression at `site` by the motif applied to it."""
    try:
        changes = _changes(program, motif, site, rng)
    except Unfit:
        return None
    idea = motif.idea.replace("{x}", f"`{_short(code(site.node))}`")
    idea = f"{idea} ({motif.source})" if motif.source else idea
    return Edit(rewrite(program.module, changes), idea, motif.name, place(program, site))


def _changes(program: Program, motif: Motif, site: Site, rng: Random) -> list[Change]:
    motif = settled(program, motif, site, rng)
    taken = words(program.source)
    own = renamed(program, motif)
    changes: list[Change] = []
    statements: list[str] = []
    holes: dict[str, ast.expr] = {}
    uses = "\n".join(templates(motif))
    for hole, kind in motif.takes.items():
        holes[hole] = _parse(code(site.node)) if hole == "x" else _fill(site, kind, rng)
    atom = isinstance(site.node, cst.Name | cst.Float) or bool(site.type.role)
    if "x" in holes and not atom and not site.inline and _count(uses, "x") > 1:
        name = fresh(f"{motif.name.split()[0].replace('-', '_')}_input", taken)
        statements.append(f"{name} = {code(site.node)}")
        holes["x"] = ast.Name(name, ast.Load())
    if (motif.statements or statements) and len(program.home(site)) > len(site.spot.path):
        raise Unfit
    binder = Binder(site.env, motif, own, holes)
    statements += [binder.text(line) for line in motif.statements]
    if motif.slots:
        changes += slotted(program, motif, site.spot, own, binder, statements)
    changes.append((site.path, swap(expression(binder.text(motif.expression)))))
    if statements:
        changes.append((site.spot.path, before(*map(statement, statements))))
    return changes + brought(program, motif, own)


def renamed(program: Program, motif: Motif) -> dict[str, str]:
    """New names for the motif's constants, slots, helpers and locals."""
    taken = words(program.source)
    helpers = {code(at(program.module, path)) for path in program.helpers.values()}
    own = [*motif.constants, *motif.slots]
    for text in motif.statements:
        own += sorted(binds(statement(text)))
    new = {name: fresh(name, taken) for name in own}
    for text in motif.helpers:
        helper = function(text)
        same = code(helper).strip() in {text.strip() for text in helpers}
        name = helper.name.value
        new[name] = name if same else fresh(name, taken)
    return new


def _fill(site: Site, kind: str, rng: Random) -> ast.expr:
    """A variable for a hole of the motif other than the one it stands in."""
    names = [
        name
        for name, type_ in site.env.items()
        if type_.kind == kind and name not in reads(site.node)
    ]
    if not names:
        raise Unfit
    return ast.Name(rng.choice(names), ast.Load())


@lru_cache(maxsize=1024)
def _parse(text: str) -> ast.expr:
    return parse_expression(text)


def _count(text: str, name: str) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(parse(text)))


def _short(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."
