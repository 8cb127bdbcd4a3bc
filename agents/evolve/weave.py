"""Weaving a motif into a program: fresh names, new slots in the state, helpers brought along."""

import ast
from collections.abc import Mapping
from functools import lru_cache
from random import Random

import libcst as cst

from ...evals.syntax import parse, parse_expression
from ...tasks.motifs import Group, Motif
from .binder import Binder, Unfit
from .constants import Edited
from .names import binds, fresh, reads, words
from .program import Program, Site, Store
from .toplevel import brought, function, templates
from .tree import Change, after, at, before, code, expression, rewrite, statement, swap


def insert_motif(program: Program, rng: Random, group: Group) -> Edited:
    """Weave one of the task's motifs in at a random place where its types fit."""
    motifs = [motif for motif in program.facts.motifs if motif.group == group]
    # A weighted shuffle (Efraimidis and Spirakis 2006): the larger its prior, the earlier a motif.
    motifs.sort(key=lambda motif: rng.random() ** (1.0 / motif.prior), reverse=True)
    for motif in motifs:
        sites = [site for site in program.sites if suits(program, motif, site)]
        if sites:
            return weave(
                program, motif, rng.choices(sites, [interest(site) for site in sites])[0], rng
            )
    return None


def interest(site: Site) -> float:
    """The weight of a place: a value with a name matters more than a part of a formula."""
    if site.type.role.startswith("params"):
        return 0.2
    return 4.0 if site.whole else 1.0


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
        and (not motif.slots or (site.spot.plain and site.spot.keyed))
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
    return rewrite(program.module, changes), f"{idea} ({motif.source})" if motif.source else idea


def _changes(program: Program, motif: Motif, site: Site, rng: Random) -> list[Change]:
    taken = words(program.source)
    renamed = _renamed(program, motif, taken)
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
    binder = Binder(site.env, motif, renamed, holes)
    statements += [binder.text(line) for line in motif.statements]
    if motif.slots:
        changes += _slots(program, motif, site, renamed, binder, statements)
    changes.append((site.path, swap(expression(binder.text(motif.expression)))))
    if statements:
        changes.append((site.spot.path, before(*map(statement, statements))))
    return changes + brought(program, motif, renamed)


def _renamed(program: Program, motif: Motif, taken: set[str]) -> dict[str, str]:
    """New names for the motif's constants, slots, helpers and locals."""
    helpers = {code(at(program.module, path)) for path in program.helpers.values()}
    own = [*motif.constants, *motif.slots]
    for text in motif.statements:
        own += sorted(binds(statement(text)))
    renamed = {name: fresh(name, taken) for name in own}
    for text in motif.helpers:
        helper = function(text)
        same = code(helper).strip() in {text.strip() for text in helpers}
        name = helper.name.value
        renamed[name] = name if same else fresh(name, taken)
    return renamed


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


def _slots(
    program: Program,
    motif: Motif,
    site: Site,
    renamed: Mapping[str, str],
    binder: "Binder",
    statements: list[str],
) -> list[Change]:
    """Extend the state at its birth and where the new state is put together."""
    births = [store for store in program.stores if _births(program, store)]
    stores = [
        store
        for store in program.stores
        if store.spot.function == site.spot.function and store.spot.keyed
    ]
    targets = {_target(store) for store in stores}
    if len(births) != 1 or len(targets) != 1 or "" in targets:
        raise Unfit
    infant = Binder(births[0].env, motif, renamed, {})
    born = {renamed[slot]: infant.text(text) for slot, text in motif.slots.items()}
    kept = {renamed[slot]: binder.text(motif.stores[slot]) for slot in motif.slots}
    changes = [_extended(births[0], born)]
    depth = len(site.spot.path)
    if any(store.spot.path[: depth - 1] != site.spot.block for store in stores):
        raise Unfit
    last = max(store.spot.path[:depth] for store in stores)
    if len(stores) == 1 and stores[0].spot.path == last >= site.spot.path:
        return [*changes, _extended(stores[0], kept)]
    lines = [f'{targets.copy().pop()}["{slot}"] = {text}' for slot, text in kept.items()]
    if last <= site.spot.path:
        statements += lines
        return changes
    return [*changes, (last, after(*map(statement, lines)))]


def _births(program: Program, store: Store) -> bool:
    signature = program.facts.functions.get(store.spot.function)
    return signature is not None and "states" not in signature.takes.values()


def _extended(store: Store, entries: Mapping[str, str]) -> Change:
    def extend(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.Dict)
        elements = list(node.elements)
        for slot, text in entries.items():
            comma: cst.Comma | cst.MaybeSentinel = cst.MaybeSentinel.DEFAULT
            if elements:
                comma = elements[-1].comma
                between = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
                if len(elements) > 1 and isinstance(elements[-2].comma, cst.Comma):
                    between = elements[-2].comma
                elements[-1] = elements[-1].with_changes(comma=between)
            key = cst.SimpleString(f'"{slot}"')
            elements.append(cst.DictElement(key, expression(text), comma=comma))
        return node.with_changes(elements=elements)

    return store.path, extend


def _target(store: Store) -> str:
    """The `new_state[name]` of `new_state[name] = {...}`."""
    line = store.spot.node
    assert isinstance(line, cst.SimpleStatementLine)
    only = line.body[0]
    return code(only.targets[0].target) if isinstance(only, cst.Assign) else ""


@lru_cache(maxsize=1024)
def _parse(text: str) -> ast.expr:
    return parse_expression(text)


def _count(text: str, name: str) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(parse(text)))


def _short(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."
