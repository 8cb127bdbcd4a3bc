"""What a part of a program depends on: statements, slots, constants and helpers."""

import ast
from textwrap import indent

import libcst as cst

from ...evals.syntax import parse, parse_expression
from .binder import Unfit
from .branches import Kinds, around
from .constants import number
from .infer import BUILTINS
from .names import binds, free, names
from .program import Program, Site, Spot, Store
from .scope import Env
from .slots import births
from .tidy import slot_target
from .tree import Path, at, code


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
        self.kinds: list[Kinds | None] = []
        self.guard = ""
        self._kept: set[Path] = set()

    def expression(self, part: Site) -> str:
        """Take an expression with the statements before it; raises Unfit where that fails.

        Of a part that is in branches, `guard` is the test that leads there.
        """
        self.pool = [spot for spot in self.donor.spots if _common(spot, part.spot)]
        self._need(part.node, part.env)
        ordered = [spot for spot in self.pool if spot.path in self._kept]
        self.statements = [self.translated(spot.node, spot.env) for spot in ordered]
        ways = list(around(self.donor, part.spot.path))
        self.kinds = [way.kinds for way in ways]
        tests = [self._test(way.path, part) for way in ways]
        self.guard = " and ".join(tests)
        return self.translated(part.node, part.env)

    def guarded(self, value: str, local: str) -> None:
        """Compute `local` as the value where the guard lets through, and as `x` elsewhere."""
        inside = [*self.statements, f"{local} = {value}"]
        outside = [f"{local} = x"]
        for slot, text in self.stores.items():
            inside.append(f"next_{slot} = {text}")
            outside.append(f'next_{slot} = state[name]["{slot}"]')
        self.stores = {slot: f"next_{slot}" for slot in self.stores}
        ways = [indent("\n".join(lines), "    ") for lines in (inside, outside)]
        self.statements = [f"if {self.guard}:\n{ways[0]}\nelse:\n{ways[1]}"]

    def _test(self, path: Path, part: Site) -> str:
        """The test of an `if` around a part, as it must come out for the part to run."""
        node = at(self.donor.module, path)
        self._need(node.test, part.env)
        text = self.translated(node.test, part.env)
        return f"({text})" if part.path[len(path)] == "body" else f"(not ({text}))"

    def function(self) -> str:
        """Take the whole function and call it; raises Unfit where that fails."""
        path = next(spot.path[:2] for spot in self.donor.spots if spot.function == self.within)
        node = at(self.donor.module, path)
        name = f"other_{self.within}"
        self.need_function(node.with_changes(name=cst.Name(name), leading_lines=[]))
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
                self.need_function(at(self.donor.module, self.donor.helpers[name]))
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

    def need_function(self, node: cst.FunctionDef) -> None:
        """Take a helper with all it calls; raises Unfit where that fails."""
        text = code(node).strip()
        if text in self.helpers:
            return
        if any(isinstance(part, ast.JoinedStr) for part in ast.walk(parse(text))):
            raise Unfit(node.name.value)  # templates have one kind of quotes
        parameters = {parameter.name.value for parameter in node.params.params}
        for name in sorted(free(node) - parameters - binds(node)):
            if name in self.donor.constants:
                self._need_constant(name)
            elif name in self.donor.helpers:
                self.need_function(at(self.donor.module, self.donor.helpers[name]))
            elif name not in self.donor.modules and name not in BUILTINS:
                raise Unfit(name)
        self.helpers.append(text)

    def _need_slot(self, slot: str) -> None:
        stores = [store for store in self.donor.stores if store.spot in self.pool]
        values = [(node, store.env) for store in stores for node in _entries(store, slot)]
        born = [(node, birth.env) for birth in births(self.donor) for node in _entries(birth, slot)]
        born += [
            (spot.node.body[0].value, spot.env)
            for spot in self.donor.spots
            if spot.function != self.within and slot_target(self.donor, spot) == slot
            if isinstance(spot.node, cst.SimpleStatementLine)
            if isinstance(spot.node.body[0], cst.Assign)
        ]
        if len(born) != 1 or len(values) != 1:
            raise Unfit(slot)
        self.slots[slot] = self.translated(*born[0])
        self.stores[slot] = self.translated(*values[0])
        self._need(*values[0])


class _Translate(ast.NodeTransformer):
    """Names that stand for arguments of the interface, as templates call them."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def visit_Name(self, node: ast.Name) -> ast.AST:
        local = self.env.get(node.id)
        if local is None or not local.role or isinstance(node.ctx, ast.Store):
            return node
        return parse_expression(local.role.replace("[]", "[name]"))


def _entries(store: Store, slot: str) -> list[cst.BaseExpression]:
    return [
        element.value
        for element in store.node.elements
        if isinstance(element, cst.DictElement) and code(element.key) == f'"{slot}"'
    ]


def _common(spot: Spot, end: Spot) -> bool:
    """Whether `spot` runs whenever `end` does: in its block, or in one around it."""
    return (
        spot.function == end.function
        and end.path[: len(spot.block)] == spot.block
        and end.path[: len(spot.path)] != spot.path
    ) or spot is end


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer
