"""A statement is computed in two ways for two kinds of tensor; and such ways are merged again."""

from random import Random

import libcst as cst

from .binder import Binder, Unfit
from .branches import divides, kinds_of, tests
from .constants import VALUES, Edit, Edited, number, perturbed, shown
from .guide import BY_HAND, Guide
from .names import fresh, names, reads, words
from .places import place
from .program import Program, Spot
from .reader import analyse
from .tree import Change, after, at, code, rewrite, statement, swap
from .weave import TAKEOVER, suits, weave


def fork(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Compute one value in a way of its own for some kinds: other constants, or one more motif."""
    choices = [
        (spot, test)
        for spot in program.spots
        if spot.assigned and spot.keyed and spot.function in program.facts.functions
        for test in tests(program.facts)
        if divides(program, test, spot.path)
    ]
    if not choices:
        return None
    spot, test = guide.pick(choices, rng, lambda choice: place(program, choice[0]))
    try:
        asked = Binder(spot.env, TAKEOVER, {}, {}).text(test)
    except Unfit:
        return None
    own = _constants(program, spot)
    if own and rng.random() < 0.5:
        return _with_constants(program, spot, asked, own, rng)
    return _with_motif(program, spot, asked, rng)


def merge(program: Program, rng: Random, guide: Guide = BY_HAND) -> Edited:
    """Do for all kinds what a program does for some; not where that may lack a state."""
    choices: list[tuple[Spot, cst.BaseSuite]] = []
    for spot in program.spots:
        node = spot.node
        if not isinstance(node, cst.If) or not kinds_of(code(node.test)):
            continue
        ways = [node.body, *([node.orelse.body] if isinstance(node.orelse, cst.Else) else [])]
        choices += [(spot, way) for way in ways if _general(program, way)]
    if not choices:
        return None
    spot, way = guide.pick(choices, rng, lambda choice: place(program, choice[0]))
    changed = rewrite(program.module, [(spot.path, lambda _old: list(way.body))])
    first = code(way.body[0]).strip().partition("\n")[0]
    idea = f"Did for all kinds what began with `{first}` for some"
    return Edit(changed, idea, place=place(program, spot))


def _general(program: Program, way: cst.BaseSuite) -> bool:
    """Whether every tensor may go this way: it uses no state, no helper and no shape."""
    return isinstance(way, cst.IndentedBlock) and not any(
        names(line).slots
        or names(line).sets_items
        or reads(line) & program.helpers.keys()
        or ".shape" in code(line)
        for line in way.body
    )


def _constants(program: Program, spot: Spot) -> list[str]:
    """The numeric constants that a statement reads."""
    read = sorted(names(spot.node).reads & program.constants.keys())
    return [n for n in read if number(at(program.module, program.constants[n])) is not None]


def _with_constants(program: Program, spot: Spot, test: str, own: list[str], rng: Random) -> Edited:
    """Two ways that differ in their constants: one of the new ones has another value."""
    taken = words(program.source)
    changed = rng.choice(own)
    changes: list[Change] = []
    text = code(spot.node).strip()
    module = cst.parse_module(text + "\n")
    for name in own:
        new = fresh(f"{name}_{_kind(test)}", taken)
        path = program.constants[name]
        old = number(at(program.module, path))
        assert old is not None
        value = perturbed(old, rng) if name == changed else old
        changes.append((path[:2], after(statement(f"{new} = {shown(value)}"))))
        module = module.visit(_Rename(name, new))
    changes.append((spot.path, swap(_if(test, module.code.strip(), text))))
    idea = f"Computed `{spot.assigned}` with constants of its own where {test}"
    return Edit(rewrite(program.module, changes), idea, place=place(program, spot))


def _with_motif(program: Program, spot: Spot, test: str, rng: Random) -> Edited:
    """Two ways, in one of which a motif of the task is woven in."""
    text = code(spot.node).strip()
    forked = rewrite(program.module, [(spot.path, swap(_if(test, text, text)))])
    changed = analyse(forked, program.facts)
    way = (*spot.path, "body", "body", 0)
    sites = [site for site in changed.sites if site.path[: len(way)] == way and site.kind in VALUES]
    choices = [
        (motif, site)
        for site in sites
        for motif in program.facts.motifs
        if motif.group in ("value", "scalar", "parameter") and suits(changed, motif, site)
    ]
    if not choices:
        return None
    motif, site = rng.choices(choices, [m.prior * (4.0 if s.whole else 1.0) for m, s in choices])[0]
    edited = weave(changed, motif, site, rng)
    if edited is None:
        return None
    return edited._replace(idea=f"{edited.idea}, where {test}", place=place(program, spot))


def _kind(test: str) -> str:
    kinds = kinds_of(test)
    assert kinds is not None
    return min(kinds.named).upper()


def _if(test: str, one: str, other: str) -> cst.BaseStatement:
    return statement(f"if {test}:\n    {one}\nelse:\n    {other}")


class _Rename(cst.CSTTransformer):
    """Another name for what is read under one."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        if updated_node.value != self.old:
            return updated_node
        return updated_node.with_changes(value=self.new)
