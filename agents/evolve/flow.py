"""Reading statements: what is known before and after each, and what a function returns."""

from collections.abc import Sequence
from typing import Any

import libcst as cst

from ...tasks.motifs import Kind
from .infer import entered, infer
from .kinds import RANK, UNKNOWN, Type, arithmetic, join
from .program import Program, Site, Spot, Store
from .scope import Env, Scope, bind, dotted, text_key
from .tree import Path, at


class Flow:
    """Reads the bodies of functions into a Program."""

    def __init__(self, program: Program, scope: Scope) -> None:
        """Read into `found`; `scope` is what all functions see."""
        self.program, self.scope = program, scope
        scope.record = self.record
        self.spot: Spot | None = None
        self.recording = True
        self.returned: list[tuple[Kind, ...]] = []

    def record(
        self, node: cst.BaseExpression, path: Path, type_: Type, env: Env, inline: bool
    ) -> None:
        """Note an expression that edits may use."""
        if not self.recording or self.spot is None:
            return
        if type_.kind in RANK:
            self.program.sites.append(Site(path, node, type_, env, self.spot, inline))
        elif type_.kind == "slots" and not isinstance(node, cst.Dict):
            above = at(self.program.module, path[:-1])
            self.program.dynamic |= not isinstance(above, cst.Subscript | cst.Assign)
        elif isinstance(node, cst.Dict) and (
            type_.kind == "slots" or (type_.kind == "empty" and (inline or self.spot.keyed))
        ):
            self.program.stores.append(Store(path, node, env, self.spot))

    def function(self, name: str, node: cst.FunctionDef, path: Path, env: Env) -> tuple[Kind, ...]:
        """Read a function; returns the kinds of what it returns, whichever way it ends."""
        kept = self.spot, self.returned
        self.spot, self.returned = None, []
        self._block(node.body, (*path, "body"), env, name, True, False)
        kinds = self.returned[0] if self.returned else ()
        for other in self.returned[1:]:
            kinds = tuple(map(join, kinds, other)) if len(kinds) == len(other) else ()
        self.spot, self.returned = kept
        return kinds

    def _block(
        self, body: Any, path: Path, env: Env, function: str, plain: bool, keyed: bool
    ) -> Env | None:
        """Read a block; returns what is known after it, or None if control never gets there."""
        state: Env | None = env
        for index, node in enumerate(body.body):
            if state is None:
                return None
            spot = Spot((*path, "body", index), node, state, function, plain, keyed)
            outer = self.spot
            if isinstance(body, cst.IndentedBlock):
                self.spot = spot
                if self.recording:
                    self.program.spots.append(spot)
            state = self._statement(node, spot.path, state, spot)
            self.spot = outer
        return state

    def _statement(self, node: Any, path: Path, env: Env, spot: Spot) -> Env | None:
        match node:
            case cst.SimpleStatementLine():
                state: Env | None = env
                for index, small in enumerate(node.body):
                    if state is not None:
                        state = self._small(small, (*path, "body", index), state)
                return state
            case cst.BaseSmallStatement():
                return self._small(node, path, env)
            case cst.If():
                return self._if(node, path, env, spot)
            case cst.For():
                return self._for(node, path, env, spot)
        return self._opaque(node, env)

    def _small(self, node: Any, path: Path, env: Env) -> Env | None:
        match node:
            case cst.Assign(targets=targets):
                values = self._values(node.value, (*path, "value"), env)
                for index, assigned in enumerate(targets):
                    where = (*path, "targets", index, "target")
                    env = self._assign(assigned.target, where, values, (*path, "value"), env)
            case cst.AnnAssign(value=value) if value is not None:
                values = self._values(value, (*path, "value"), env)
                env = self._assign(node.target, (*path, "target"), values, (*path, "value"), env)
            case cst.AugAssign():
                kind = infer(self.scope, node.value, (*path, "value"), env, False).kind
                old = infer(self.scope, node.target, (*path, "target"), env, True).kind
                operator = type(node.operator).__name__.removesuffix("Assign")
                env = bind(node.target, Type(arithmetic(operator, old, kind)), env)
            case cst.Return():
                if node.value is not None:
                    self._return(node.value, (*path, "value"), env)
                return None
            case cst.Expr():
                infer(self.scope, node.value, (*path, "value"), env, False)
            case cst.Raise() | cst.Continue() | cst.Break():
                return None
            case cst.Pass():
                pass
            case _:
                return self._opaque(node, env)
        return env

    def _values(self, value: cst.BaseExpression, path: Path, env: Env) -> list[Type]:
        """Types of an assigned value: one, or one for each element of a tuple."""
        if not isinstance(value, cst.Tuple):
            return [infer(self.scope, value, path, env, False)]
        return [
            infer(self.scope, element.value, (*path, "elements", index, "value"), env, False)
            for index, element in enumerate(value.elements)
        ]

    def _assign(
        self, target: Any, path: Path, values: Sequence[Type], source: Path, env: Env
    ) -> Env:
        if isinstance(target, cst.Tuple) and len(target.elements) == len(values):
            for element, assigned in zip(target.elements, values, strict=True):
                env = bind(element.value, assigned, env)
            return env
        value = values[0] if len(values) == 1 else UNKNOWN
        if isinstance(target, cst.Tuple) and value.kind == "shape":
            for element in target.elements:
                env = bind(element.value, Type("int"), env)
            return env
        if not isinstance(target, cst.Subscript):
            return bind(target, value, env)
        owner = infer(self.scope, target.value, (*path, "value"), env, True).kind
        holder = dotted(target.value)
        if owner in ("empty", "tensors") and holder in env:
            if value.kind in ("float", "int", "scalar", "flag", "mask", "bool"):
                self.scope.problems.append(f"{value.kind} in the place of a tensor")
            if value.kind == "tensor":
                self._output(source)
                env = {**env, holder: Type("tensors")}
        if value.kind in ("slots", "empty") and owner == "empty" and holder in env:
            env = {**env, holder: Type("states")}
        if owner == "slots" and (slot := text_key(target)) is not None:
            self.scope.slot(slot, value.kind)
        return env

    def _return(self, value: cst.BaseExpression, path: Path, env: Env) -> None:
        kinds = tuple(type_.kind for type_ in self._values(value, path, env))
        self.returned.append(kinds)
        if kinds in (("tensor",), ("float",)):
            self._output(path)
        if kinds == ("tensors",) and isinstance(value, cst.DictComp):
            self._output((*path, "value"))

    def _output(self, path: Path) -> None:
        if self.recording and self.spot and self.spot.function in self.program.facts.functions:
            self.program.outputs.add(path)

    def _if(self, node: cst.If, path: Path, env: Env, spot: Spot) -> Env | None:
        test = infer(self.scope, node.test, (*path, "test"), env, True).kind
        if test in ("scalar", "flag", "tensor", "mask"):
            self.scope.problems.append("a branch on a tensor")
        function, keyed = spot.function, spot.keyed
        first = self._block(node.body, (*path, "body"), env, function, False, keyed)
        second: Env | None = env
        if isinstance(node.orelse, cst.If):
            second = self._if(node.orelse, (*path, "orelse"), env, spot)
        elif isinstance(node.orelse, cst.Else):
            inner = (*path, "orelse", "body")
            second = self._block(node.orelse.body, inner, env, function, False, keyed)
        return _merge(first, second)

    def _for(self, node: cst.For, path: Path, env: Env, spot: Spot) -> Env:
        infer(self.scope, node.iter, (*path, "iter"), env, True)
        start = entered(self.scope, node.target, node.iter, env)
        keyed = spot.keyed or any(type_.role == "name" for type_ in start.values())
        inner = (*path, "body")
        recording, self.recording = self.recording, False
        problems = len(self.scope.problems)
        again = self._block(node.body, inner, start, spot.function, spot.plain, keyed)
        del self.scope.problems[problems:]
        self.recording = recording
        if again is not None:
            start = {name: _either(type_, again[name]) for name, type_ in start.items()}
        end = self._block(node.body, inner, start, spot.function, spot.plain, keyed)
        return _merge(env, end) or env

    def _opaque(self, node: cst.CSTNode, env: Env) -> Env:
        """Read any other statement: the names it binds exist, with unknown types."""
        return {**env, **dict.fromkeys(bindings(node), UNKNOWN)}


def _either(left: Type, right: Type) -> Type:
    return left if left == right else Type(join(left.kind, right.kind))


def _merge(left: Env | None, right: Env | None) -> Env | None:
    if left is None or right is None:
        return right if left is None else left
    return {name: _either(type_, right[name]) for name, type_ in left.items() if name in right}


def bindings(node: cst.CSTNode) -> list[str]:
    """Names that a statement may bind, roughly: every name in it that is a target."""
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        return [node.name.value]
    if isinstance(node, cst.Name):
        return [node.value]
    return [name for child in node.children for name in bindings(child)]
