"""Weaving a motif into a program: names made fresh, slots added to the state, helpers brought along."""

import ast
from collections.abc import Mapping
from functools import lru_cache
from random import Random

import libcst as cst

from .analysis import Analysis, Site, Store
from .edits import Edited, shown
from .facts import Group, Motif
from .names import binds, fresh, reads, words
from .tree import Change, after, at, before, code, expression, rewrite, statement, swap

GAP = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]


class Unfit(Exception):
    """The motif has no place where it was tried."""


def insert_motif(program: Analysis, rng: Random, group: Group) -> Edited:
    """Weave one of the task's motifs in at a random place where its types fit."""
    motifs = [each for each in program.facts.motifs if each.group == group]
    rng.shuffle(motifs)
    for motif in motifs:
        sites = [each for each in program.sites if suits(program, motif, each)]
        if sites:
            weights = [0.2 if each.type.role.startswith("params") else 1.0 for each in sites]
            return weave(program, motif, rng.choices(sites, weights)[0], rng)
    return None


def suits(program: Analysis, motif: Motif, site: Site) -> bool:
    """Whether a motif may take the place of an expression."""
    wanted = motif.takes.get("x", motif.gives)
    outside = program.outside(site)
    return (
        site.kind == wanted
        and site.spot.function in program.facts.functions
        and (motif.place == "any" or outside)
        and not (site.inline and (motif.statements or motif.slots))
        and (not motif.slots or (site.spot.plain and site.spot.keyed))
        and not (site.inline and not outside and site.spot.function == "init")
        and "states" not in program.results.get(site.spot.function, ())[:1]
    )


def weave(program: Analysis, motif: Motif, site: Site, rng: Random) -> Edited:
    """Replace the expression at `site` by the motif applied to it."""
    try:
        changes = _changes(program, motif, site, rng)
    except Unfit:
        return None
    idea = motif.idea.replace("{x}", f"`{_short(code(site.node))}`")
    return rewrite(program.module, changes), f"{idea} ({motif.source})"


def _changes(program: Analysis, motif: Motif, site: Site, rng: Random) -> list[Change]:
    taken = words(program.source)
    renamed = _renamed(program, motif, taken)
    changes: list[Change] = []
    statements: list[str] = []
    holes: dict[str, ast.expr] = {}
    uses = "\n".join((*motif.statements, motif.expression, *motif.stores.values()))
    for hole, kind in motif.takes.items():
        holes[hole] = _parse(code(site.node)) if hole == "x" else _fill(site, kind, rng)
    atom = isinstance(site.node, cst.Name | cst.Float) or bool(site.type.role)
    if "x" in holes and not atom and not site.inline and _count(uses, "x") > 1:
        name = fresh(f"{motif.name.split()[0].replace('-', '_')}_input", taken)
        statements.append(f"{name} = {code(site.node)}")
        holes["x"] = ast.Name(name, ast.Load())
    binder = _Binder(site.env, motif, renamed, holes)
    statements += [binder.text(each) for each in motif.statements]
    if motif.slots:
        changes += _slots(program, motif, site, renamed, binder, statements)
    changes.append((site.path, swap(expression(binder.text(motif.expression)))))
    if statements:
        changes.append((site.spot.path, before(*map(statement, statements))))
    return changes + _top_level(program, motif, renamed)


def _renamed(program: Analysis, motif: Motif, taken: set[str]) -> dict[str, str]:
    """New names for the motif's constants, slots, helpers and locals."""
    known = {code(at(program.module, path)) for path in program.helpers.values()}
    own = [*motif.constants, *motif.slots]
    for text in motif.statements:
        own += sorted(binds(statement(text)))
    renamed = {name: fresh(name, taken) for name in own}
    for text in motif.helpers:
        helper = _function(text)
        same = code(helper).strip() in {each.strip() for each in known}
        name = helper.name.value
        renamed[name] = name if same else fresh(name, taken)
    return renamed


def _fill(site: Site, kind: str, rng: Random) -> ast.expr:
    """A variable for a hole of the motif other than the one it stands in."""
    names = [
        name
        for name, known in site.env.items()
        if known.kind == kind and name not in reads(site.node)
    ]
    if not names:
        raise Unfit
    return ast.Name(rng.choice(names), ast.Load())


def _slots(
    program: Analysis,
    motif: Motif,
    site: Site,
    renamed: Mapping[str, str],
    binder: "_Binder",
    statements: list[str],
) -> list[Change]:
    """Extend the state at its birth and where the new state is put together."""
    births = [each for each in program.stores if _births(program, each)]
    stores = [
        each
        for each in program.stores
        if each.spot.function == site.spot.function and each.spot.keyed
    ]
    targets = {_target(each) for each in stores}
    if len(births) != 1 or len(targets) != 1 or "" in targets:
        raise Unfit
    infant = _Binder(births[0].env, motif, renamed, {})
    born = {renamed[slot]: infant.text(text) for slot, text in motif.slots.items()}
    kept = {renamed[slot]: binder.text(motif.stores[slot]) for slot in motif.slots}
    changes = [_extended(births[0], born)]
    depth = len(site.spot.path)
    if any(each.spot.path[: depth - 1] != site.spot.block for each in stores):
        raise Unfit
    last = max(each.spot.path[:depth] for each in stores)
    if len(stores) == 1 and stores[0].spot.path == last >= site.spot.path:
        return [*changes, _extended(stores[0], kept)]
    lines = [f'{targets.copy().pop()}["{slot}"] = {text}' for slot, text in kept.items()]
    if last <= site.spot.path:
        statements += lines
        return changes
    return [*changes, (last, after(*map(statement, lines)))]


def _births(program: Analysis, store: Store) -> bool:
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


def _top_level(program: Analysis, motif: Motif, renamed: Mapping[str, str]) -> list[Change]:
    """Imports, constants, helpers, and functions of the interface that the motif replaces."""
    body = program.module.body
    rename = _Binder({}, motif, renamed, {}, lenient=True)
    imports = [index for index, node in enumerate(body) if _imports(node)]
    constants = [int(path[1]) for path in program.constants.values()]
    functions = [i for i, node in enumerate(body) if isinstance(node, cst.FunctionDef)]
    changes: list[Change] = []
    if motif.constants and (constants or imports):
        lines = [statement(f"{renamed[n]} = {shown(v)}") for n, v in motif.constants.items()]
        if not constants:
            lines[0] = lines[0].with_changes(leading_lines=GAP[:1])
        changes.append((("body", max(constants or imports)), after(*lines)))
    known = [name for name in program.helpers if name in renamed.values()]
    helpers = [rename.text(text) for text in motif.helpers]
    fresh_helpers = [_function(text) for text in helpers if _function(text).name.value not in known]
    if fresh_helpers and functions:
        changes.append((("body", functions[0]), before(*map(_spaced, fresh_helpers))))
    for text in motif.overrides:
        function = _spaced(_function(rename.text(text)))
        old = [i for i in functions if _named(body[i], function.name.value)]
        place = ("body", old[0] if old else functions[-1])
        changes.append((place, swap(function) if old else after(function)))
    used = set().union(*(reads(_function(text)) for text in (*helpers, *motif.overrides)), set())
    used |= _names(motif.expression) | set().union(*map(_names, motif.statements), set())
    missing = [name for name in ("math", "torch") if name in used and name not in program.modules]
    lines = [statement(f"import {name}") for name in missing]
    if lines and imports:
        changes.append((("body", imports[-1]), after(*lines)))
    elif lines:
        raise Unfit
    return changes


class _Binder(ast.NodeTransformer):
    """Puts a template in the terms of the program at one place."""

    def __init__(
        self,
        env: Mapping[str, object],
        motif: Motif,
        renamed: Mapping[str, str],
        holes: Mapping[str, ast.expr],
        lenient: bool = False,
    ) -> None:
        self.roles: dict[str, str] = {}
        for name, known in env.items():
            self.roles.setdefault(getattr(known, "role", ""), name)
        self.slots, self.renamed, self.holes = motif.slots, renamed, holes
        self.lenient = lenient

    def text(self, template: str) -> str:
        """The template as a line of the program; raises Unfit if a name has no meaning there."""
        return ast.unparse(self.visit(_template(template))).replace("'", '"')

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Rename the motif's slots; prefer a local name for an entry of an argument."""
        key = node.slice
        if isinstance(key, ast.Constant) and key.value in self.slots:
            node = ast.Subscript(node.value, ast.Constant(self.renamed[key.value]), node.ctx)
        if isinstance(node.value, ast.Name) and isinstance(key, ast.Name) and key.id == "name":
            alias = self.roles.get(f"{node.value.id}[]")
            if alias and not self.lenient:
                return ast.Name(alias, ast.Load())
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """Fill holes, rename what is the motif's own, find what is an argument."""
        if node.id in self.holes:
            return self.holes[node.id]
        if node.id in self.renamed:
            return ast.Name(self.renamed[node.id], node.ctx)
        if self.lenient or node.id in ("torch", "math", "min", "max", "abs", "float", "True"):
            return node
        if node.id not in self.roles:
            raise Unfit(node.id)
        return ast.Name(self.roles[node.id], node.ctx)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Rename a helper."""
        node.name = self.renamed.get(node.name, node.name)
        return self.generic_visit(node)


def _template(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


@lru_cache(maxsize=1024)
def _parse(text: str) -> ast.expr:
    return ast.parse(f"({text})", mode="eval").body


def _function(text: str) -> cst.FunctionDef:
    node = statement(text.strip())
    assert isinstance(node, cst.FunctionDef)
    return node


def _spaced(node: cst.FunctionDef) -> cst.FunctionDef:
    return node.with_changes(leading_lines=GAP)


def _named(node: cst.CSTNode, name: str) -> bool:
    return isinstance(node, cst.FunctionDef) and node.name.value == name


def _imports(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(
        node.body[0], cst.Import | cst.ImportFrom
    )


@lru_cache(maxsize=1024)
def _names(text: str) -> frozenset[str]:
    return frozenset(each.id for each in ast.walk(ast.parse(text)) if isinstance(each, ast.Name))


def _count(text: str, name: str) -> int:
    return sum(isinstance(n, ast.Name) and n.id == name for n in ast.walk(ast.parse(text)))


def _short(text: str) -> str:
    return text if len(text) < 60 else f"{text[:57]}..."


