"""Crossover: a part of another program, with all it depends on, becomes a motif for this one."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import libcst as cst

from ...evals.syntax import parse, parse_expression
from ...tasks.motifs import Motif
from .binder import Unfit
from .constants import VALUES, Edited, literal, number, shown
from .infer import BUILTINS
from .names import binds, free, names
from .program import Program, Site, Spot
from .scope import Env
from .tree import Path, at, code, rewrite, swap
from .weave import suits, weave

TAKEOVER = Motif("takeover", "", "value", "", "v", "unknown")


def exchange_constants(program: Program, rng: Random, donors: Sequence[Program]) -> Edited:
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
    return rewrite(program.module, changes), f"Took {values} from another program"


def crossover(program: Program, rng: Random, donors: Sequence[Program]) -> Edited:
    """Put a computed value of another program in the place of one of ours, or blend the two."""
    if not donors:
        return None
    donor = rng.choice(donors)
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
    motif = blended(needs, value, part, blend)
    sites = [
        site
        for site in program.sites
        if site.spot.function == function and suits(program, motif, site)
    ]
    if (whole or donor.outside(part)) and rng.random() < 0.7:
        sites = [site for site in sites if program.outside(site)]
    return weave(program, motif, rng.choice(sites), rng) if sites else None


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


class Needs:
    """The statements, slots, constants and helpers that a value depends on."""

    def __init__(self, donor: Program, within: str) -> None:
        """Depend on nothing yet of `donor`, in its function `within`."""
        self.donor, self.within = donor, within
        self.pool: list[Spot] = []
        self.constants: dict[str, float] = {}
        self.helpers: list[str] = []
        self.slots: dict[str, str] = {}
        self.stores: dict[str, str] = {}
        self.statements: list[str] = []
        self._kept: set[Path] = set()

    def expression(self, part: Site) -> str:
        """Take an expression with the statements before it; raises Unfit where that fails."""
        self.pool = [spot for spot in self.donor.spots if _common(spot, part.spot)]
        self._need(part.node, part.env)
        ordered = [spot for spot in self.pool if spot.path in self._kept]
        self.statements = [self.translated(spot.node, spot.env) for spot in ordered]
        return self.translated(part.node, part.env)

    def function(self) -> str:
        """Take the whole function and call it; raises Unfit where that fails."""
        path = next(spot.path[:2] for spot in self.donor.spots if spot.function == self.within)
        node = at(self.donor.module, path)
        name = f"other_{self.within}"
        self._need_function(node.with_changes(name=cst.Name(name), leading_lines=[]))
        return f"{name}({', '.join(self.donor.facts.functions[self.within].takes)})"

    def translated(self, node: cst.CSTNode, env: Env) -> str:
        """The source of a node, with arguments of the interface under their own names."""
        tree = parse(code(node).strip())
        return ast.unparse(_Translate(env).visit(tree)).replace("'", '"')

    def _need(self, node: cst.CSTNode, env: Env) -> None:
        for name in sorted(free(node)):
            local = env.get(name)
            if local is not None and local.role:
                continue
            if local is not None:
                self._need_local(name)
            elif name in self.donor.constants:
                self._need_constant(name)
            elif name in self.donor.helpers:
                self._need_function(at(self.donor.module, self.donor.helpers[name]))
            elif name not in self.donor.modules and name not in BUILTINS:
                raise Unfit(name)
        for slot in sorted(names(node).slots):
            if slot in self.donor.slots and slot not in self.slots:
                self._need_slot(slot)

    def _need_local(self, name: str) -> None:
        spots = [spot for spot in self.pool if name in binds(spot.node)]
        if not spots:
            raise Unfit(name)
        for spot in spots:
            if spot.path in self._kept:
                continue
            if any(_within(store.path, spot.path) for store in self.donor.stores):
                raise Unfit(name)
            self._kept.add(spot.path)
            self._need(spot.node, spot.env)

    def _need_constant(self, name: str) -> None:
        value = number(at(self.donor.module, self.donor.constants[name]))
        if value is None:
            raise Unfit(name)
        self.constants[name] = value

    def _need_function(self, node: cst.FunctionDef) -> None:
        text = code(node).strip()
        if text in self.helpers:
            return
        parameters = {parameter.name.value for parameter in node.params.params}
        for name in sorted(free(node) - parameters - binds(node)):
            if name in self.donor.constants:
                self._need_constant(name)
            elif name in self.donor.helpers:
                self._need_function(at(self.donor.module, self.donor.helpers[name]))
            elif name not in self.donor.modules and name not in BUILTINS:
                raise Unfit(name)
        self.helpers.append(text)

    def _need_slot(self, slot: str) -> None:
        births = [store for store in self.donor.stores if store.spot.function != self.within]
        stores = [store for store in self.donor.stores if store.spot in self.pool]
        if len(births) != 1 or len(stores) != 1:
            raise Unfit(slot)
        self.slots[slot] = ""
        for owner, texts in ((births[0], self.slots), (stores[0], self.stores)):
            values = [
                element.value
                for element in owner.node.elements
                if isinstance(element, cst.DictElement) and code(element.key) == f'"{slot}"'
            ]
            if len(values) != 1:
                raise Unfit(slot)
            texts[slot] = self.translated(values[0], owner.env)
            if owner is stores[0]:
                self._need(values[0], owner.env)


class _Translate(ast.NodeTransformer):
    """Names that stand for arguments of the interface, as templates call them."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def visit_Name(self, node: ast.Name) -> ast.AST:
        local = self.env.get(node.id)
        if local is None or not local.role or isinstance(node.ctx, ast.Store):
            return node
        return parse_expression(local.role.replace("[]", "[name]"))


def _worth_taking(donor: Program, site: Site) -> bool:
    """A computed value in the straight part of a function of the interface, but not of `init`."""
    signature = donor.facts.functions.get(site.spot.function)
    return (
        site.kind in VALUES
        and site.spot.plain
        and not site.inline
        and signature is not None
        and signature.gives[:1] != ("states",)
        and not isinstance(site.node, cst.Name | cst.Float | cst.Integer)
        and (site.path[-1] == "value" or donor.outside(site))
    )


def _common(spot: Spot, end: Spot) -> bool:
    """Whether `spot` runs whenever `end` does: in its block, or in one around it."""
    return (
        spot.function == end.function
        and spot.plain
        and end.path[: len(spot.block)] == spot.block
        and end.path[: len(spot.path)] != spot.path
    ) or spot is end


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _renamed(text: str, old: str, new: str) -> str:
    tree = parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = new
    return ast.unparse(tree).replace("'", '"')


def _short(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."
