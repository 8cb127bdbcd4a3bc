"""Crossover: a part of another program, with all it depends on, becomes a motif for this one."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from random import Random

import libcst as cst

from ...evals.syntax import parse
from ...tasks.motifs import Motif
from .binder import Unfit
from .branches import admitted
from .constants import VALUES, Edit, Edited, literal, number, shown
from .guide import BY_HAND, Guide
from .needs import Needs
from .places import place
from .program import Program, Site
from .toplevel import brought
from .tree import at, code, rewrite, swap
from .weave import TAKEOVER, renamed, suits, weave


def exchange_constants(
    program: Program, rng: Random, donors: Sequence[Program], guide: Guide = BY_HAND
) -> Edited:
    """Take over values of constants that another program has under the same names."""
    if not donors:
        return None
    theirs = numbers(rng.choice(donors))
    ours = numbers(program)
    differing = [name for name in ours if name in theirs and theirs[name] != ours[name]]
    if not differing:
        return None
    chosen = [name for name in differing if rng.random() < 0.5] or [rng.choice(differing)]
    changes = [(program.constants[name], swap(literal(theirs[name]))) for name in chosen]
    values = ", ".join(f"{name} = {shown(theirs[name])}" for name in chosen)
    return Edit(rewrite(program.module, changes), f"Took {values} from another program")


def crossover(
    program: Program, rng: Random, donors: Sequence[Program], guide: Guide = BY_HAND
) -> Edited:
    """Put a computed value of another program in the place of one of ours, or blend the two."""
    if not donors:
        return None
    donor = rng.choice(donors)
    if rng.random() < 0.15 and (exchanged := exchange_helper(program, rng, donor)):
        return exchanged
    parts = [site for site in donor.sites if _worth_taking(donor, site)]
    outside = [site for site in parts if donor.outside(site)]
    if not outside and not parts:
        return None
    part = rng.choice(outside if outside and rng.random() < 0.3 else parts)
    function = part.spot.function
    whole = "states" not in donor.facts.functions[function].takes.values() and rng.random() < 0.3
    blends = [motif for motif in program.facts.blends if motif.gives == part.kind]
    blend = rng.choice(blends) if blends and rng.random() < 0.5 else TAKEOVER
    try:
        needs = Needs(donor, function)
        value = needs.function() if whole else needs.expression(part)
    except Unfit:
        return None
    sites = [site for site in program.sites if site.spot.function == function]
    if needs.guard and rng.random() < 0.5:
        sites = [site for site in sites if admitted(program, site.path, needs.kinds)]
    elif needs.guard:
        sites = [site for site in sites if not admitted(program, site.path, needs.kinds)]
        needs.guarded(value, f"{function}_value")
        value = f"{function}_value"
    motif = blended(needs, value, part, blend)
    sites = [site for site in sites if suits(program, motif, site)]
    if (whole or donor.outside(part)) and rng.random() < 0.7:
        sites = [site for site in sites if program.outside(site)]
    if not sites:
        return None
    edited = weave(program, motif, guide.pick(sites, rng, partial(place, program)), rng)
    return edited and edited._replace(motif="")


def exchange_helper(program: Program, rng: Random, donor: Program) -> Edited:
    """Let a helper do what one of another program with as many arguments does."""
    theirs = {name: at(donor.module, path) for name, path in donor.helpers.items()}
    pairs: list[tuple[str, cst.FunctionDef]] = []
    for name, path in program.helpers.items():
        ours = at(program.module, path)
        for node in theirs.values():
            new = node.with_changes(name=ours.name, leading_lines=ours.leading_lines)
            if len(node.params.params) == len(ours.params.params) and code(new) != code(ours):
                pairs.append((name, new))
    if not pairs:
        return None
    name, new = rng.choice(pairs)
    needs = Needs(donor, name)
    try:
        needs.need_function(new)
    except Unfit:
        return None
    others = tuple(text for text in needs.helpers if text != code(new).strip())
    motif = replace(
        TAKEOVER, constants=needs.constants, helpers=others, overrides=(code(new).strip(),)
    )
    changed = rewrite(program.module, brought(program, motif, renamed(program, motif)))
    return Edit(changed, f"Took over how another program does `{name}`")


def blended(needs: "Needs", value: str, part: Site, blend: Motif) -> Motif:
    """Make a motif of `value`, with all it needs, as `blend` combines it with what it meets."""
    statements, expression = list(needs.statements), value
    if blend is not TAKEOVER:
        local = f"{part.spot.function}_part"
        statements.append(f"{local} = {value}")
        expression = _renamed(blend.expression, "v", local)
    return replace(
        blend,
        name="another program",
        idea=blend.idea or f"Put `{_short(value)}` of another program in the place of {{x}}",
        expression=expression,
        gives=part.kind,
        takes={"x": part.kind},
        constants={**blend.constants, **needs.constants},
        statements=tuple(statements),
        slots=needs.slots,
        stores=needs.stores,
        helpers=tuple(needs.helpers),
    )


def numbers(program: Program) -> dict[str, float | int]:
    """The numeric constants of a program."""
    values = {name: number(at(program.module, path)) for name, path in program.constants.items()}
    return {name: value for name, value in values.items() if value is not None}


def _worth_taking(donor: Program, site: Site) -> bool:
    """A computed value in a function of the interface, but not in `init`."""
    signature = donor.facts.functions.get(site.spot.function)
    return (
        site.kind in VALUES
        and not site.inline
        and signature is not None
        and signature.gives[:1] != ("states",)
        and not isinstance(site.node, cst.Name | cst.Float | cst.Integer)
        and (site.path[-1] == "value" or donor.outside(site))
    )


def _renamed(text: str, old: str, new: str) -> str:
    tree = parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return ast.unparse(tree).replace("'", '"')


def _short(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."
