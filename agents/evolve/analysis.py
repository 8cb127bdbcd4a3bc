"""Reading a program: where its expressions and statements are, and what is known at each.

The reading is static and forgiving: what it does not understand is `unknown`, and left alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import libcst as cst

from .facts import Facts, Signature
from .infer import Env, Scope, bind, dotted, infer, iterate
from .kinds import RANK, UNKNOWN, Kind, Type, arithmetic, join
from .tree import Path, at, code

ANNOTATIONS: Mapping[str, Kind] = {
    "float": "float",
    "int": "int",
    "bool": "bool",
    "str": "string",
    "Tensor": "tensor",
    "torch.Tensor": "tensor",
}


@dataclass(frozen=True)
class Spot:
    """A statement, what is known before it runs, and where it stands.

    `plain` spots are not inside a branch: what is assigned there is assigned for good.
    """

    path: Path
    node: cst.CSTNode
    env: Env
    function: str
    plain: bool
    keyed: bool

    @property
    def block(self) -> Path:
        """The path of the statements that this one is among."""
        return self.path[:-1]


@dataclass(frozen=True)
class Site:
    """An expression of known numeric type."""

    path: Path
    node: cst.BaseExpression
    type: Type
    env: Env
    spot: Spot
    inline: bool

    @property
    def kind(self) -> Kind:
        """What the expression evaluates to."""
        return self.type.kind


@dataclass(frozen=True)
class Store:
    """A dict literal that holds the state slots of one parameter."""

    path: Path
    node: cst.Dict
    env: Env
    spot: Spot


@dataclass
class Analysis:
    """Everything the edits need to know about one version of a program.

    A `dynamic` program handles the slots of its state other than by constant names.
    """

    module: cst.Module
    facts: Facts
    sites: list[Site] = field(default_factory=list[Site])
    spots: list[Spot] = field(default_factory=list[Spot])
    stores: list[Store] = field(default_factory=list[Store])
    outputs: set[Path] = field(default_factory=set[Path])
    constants: dict[str, Path] = field(default_factory=dict[str, Path])
    helpers: dict[str, Path] = field(default_factory=dict[str, Path])
    modules: dict[str, str] = field(default_factory=dict[str, str])
    globals: Env = field(default_factory=dict[str, Type])
    slots: dict[str, Kind] = field(default_factory=dict[str, Kind])
    results: dict[str, tuple[Kind, ...]] = field(default_factory=dict[str, tuple[Kind, ...]])
    problems: Counter[str] = field(default_factory=Counter[str])
    dynamic: bool = False

    @cached_property
    def source(self) -> str:
        """The program as text."""
        return self.module.code

    def outside(self, site: Site) -> bool:
        """Whether the value is what the program hands back."""
        return site.path in self.outputs


@lru_cache(maxsize=256)
def read(source: str, facts: Facts) -> Analysis:
    """Parse and read a program; raises libcst.ParserSyntaxError where it is not Python."""
    return analyse(cst.parse_module(source), facts)


def analyse(module: cst.Module, facts: Facts) -> Analysis:
    """Read a program that is a tree already."""
    return _Reader(module, facts).read()


class _Reader:
    """One pass over a module, gathering an Analysis."""

    def __init__(self, module: cst.Module, facts: Facts) -> None:
        self.found = Analysis(module, facts)
        attributes = {
            path: kind for each in facts.functions.values() for path, kind in each.attributes.items()
        }
        self.scope = Scope(attributes, self.record, self.call)
        self.spot: Spot | None = None
        self.recording = True
        self.returned: list[tuple[Kind, ...]] = []
        self.functions: dict[str, tuple[cst.FunctionDef, Path]] = {}
        self.calls: dict[tuple[str, tuple[Kind, ...]], Kind] = {}
        self.recorded: set[str] = set()

    def read(self) -> Analysis:
        """Read constants, then the interface, state first; helpers as they are called."""
        self._top_level()
        for name in self.found.facts.functions:
            if name in self.functions:
                self._interface(name, *self.functions[name])
        for name in self.found.helpers:
            if name not in self.recorded:
                annotated = _annotated(self.functions[name][0]).values()
                self.call(name, [each.kind for each in annotated])
        self.found.problems = Counter(self.scope.problems)
        self.found.modules = self.scope.modules
        self.found.slots = self.scope.slots
        self.found.globals = self.scope.names
        return self.found

    def record(
        self, node: cst.BaseExpression, path: Path, found: Type, env: Env, inline: bool
    ) -> None:
        """Note an expression that edits may use."""
        if not self.recording or self.spot is None:
            return
        if found.kind in RANK:
            self.found.sites.append(Site(path, node, found, env, self.spot, inline))
        elif found.kind == "slots" and not isinstance(node, cst.Dict):
            above = at(self.found.module, path[:-1])
            self.found.dynamic |= not isinstance(above, cst.Subscript | cst.Assign)
        elif isinstance(node, cst.Dict) and (
            found.kind == "slots" or (found.kind == "empty" and (inline or self.spot.keyed))
        ):
            self.found.stores.append(Store(path, node, env, self.spot))

    def call(self, name: str, kinds: Sequence[Kind]) -> Kind:
        """Read a helper as it is called. Where that says nothing, one tensor keeps its shape."""
        key = name, tuple(kinds)
        recording = self.recording and name not in self.recorded
        if key in self.calls and not recording:
            return self.calls[key]
        self.calls[key] = "unknown"
        node, path = self.functions[name]
        env = _annotated(node)
        if len(env) == len(kinds):
            env = {each: Type(kind) for each, kind in zip(env, kinds, strict=True)}
        kept = self.recording, self.spot, self.returned, len(self.scope.problems)
        self.recording, self.spot, self.returned = recording, None, []
        if recording:
            self.recorded.add(name)
        self._block(node.body, (*path, "body"), env, name, True, False)
        result = _joined(self.returned)
        self.recording, self.spot, self.returned, problems = kept
        if not recording:
            del self.scope.problems[problems:]
        given = result[0] if len(result) == 1 else "unknown"
        if given == "unknown" and list(kinds).count("tensor") == 1 and len(kinds) == len(env):
            given = "tensor"
        self.calls[key] = given
        return given

    def _top_level(self) -> None:
        for index, node in enumerate(self.found.module.body):
            if isinstance(node, cst.FunctionDef):
                self.functions[node.name.value] = node, ("body", index)
                if node.name.value not in self.found.facts.functions:
                    self.found.helpers[node.name.value] = "body", index
            elif isinstance(node, cst.ClassDef):
                self.scope.names[node.name.value] = UNKNOWN
            elif isinstance(node, cst.SimpleStatementLine):
                for place, small in enumerate(node.body):
                    self._global(small, ("body", index, "body", place))
            else:
                self.scope.names |= self._opaque(node, {})
        self.scope.helpers = frozenset(self.found.helpers)

    def _global(self, node: cst.BaseSmallStatement, path: Path) -> None:
        names = self.scope.names
        match node:
            case cst.Import(names=aliases):
                for alias in aliases:
                    full = dotted(alias.name)
                    self.scope.modules[_bound(alias) or full.split(".")[0]] = full.split(".")[0]
            case cst.ImportFrom(module=module, names=imported) if not isinstance(
                imported, cst.ImportStar
            ):
                for alias in imported:
                    bound = _bound(alias) or dotted(alias.name)
                    if dotted(module) == "torch.nn" if module else False:
                        self.scope.modules[bound] = "torch"
                    else:
                        names[bound] = UNKNOWN
            case cst.Assign(targets=[cst.AssignTarget(target=cst.Name(value=name))]):
                names[name] = infer(self.scope, node.value, (*path, "value"), names, False)
                self.found.constants[name] = (*path, "value")
            case cst.AnnAssign(target=cst.Name(value=name)) if node.value is not None:
                names[name] = infer(self.scope, node.value, (*path, "value"), names, False)
                self.found.constants[name] = (*path, "value")
            case _:
                names |= self._opaque(node, {})

    def _interface(self, name: str, node: cst.FunctionDef, path: Path) -> None:
        signature = self.found.facts.functions[name]
        parameters = [each.name.value for each in (*node.params.posonly_params, *node.params.params)]
        env = _annotated(node)
        if len(parameters) == len(signature.takes):
            for given, (role, kind) in zip(parameters, signature.takes.items(), strict=True):
                env[given] = Type(kind, role)
        self.returned = []
        self._block(node.body, (*path, "body"), env, name, True, False)
        self.found.results[name] = _joined(self.returned)
        if "states" in signature.gives and "states" not in signature.takes.values():
            self.scope.born = True

    def _block(
        self, body: Any, path: Path, env: Env, function: str, plain: bool, keyed: bool
    ) -> Env | None:
        """Read a block; returns what is known after it, or None if control never gets there."""
        known: Env | None = env
        for index, node in enumerate(body.body):
            if known is None:
                return None
            spot = Spot((*path, "body", index), node, known, function, plain, keyed)
            if self.recording and isinstance(body, cst.IndentedBlock):
                self.found.spots.append(spot)
            outer, self.spot = self.spot, spot
            known = self._statement(node, spot.path, known, spot)
            self.spot = outer
        return known

    def _statement(self, node: Any, path: Path, env: Env, spot: Spot) -> Env | None:
        match node:
            case cst.SimpleStatementLine():
                known: Env | None = env
                for index, small in enumerate(node.body):
                    known = known and self._small(small, (*path, "body", index), known)
                return known
            case cst.If():
                return self._if(node, path, env, spot)
            case cst.For():
                return self._for(node, path, env, spot)
        return self._opaque(node, env)

    def _small(self, node: Any, path: Path, env: Env) -> Env | None:
        match node:
            case cst.Assign(targets=targets):
                values = self._values(node.value, (*path, "value"), env)
                for index, each in enumerate(targets):
                    where = (*path, "targets", index, "target")
                    env = self._assign(each.target, where, values, (*path, "value"), env)
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
            infer(self.scope, each.value, (*path, "elements", index, "value"), env, False)
            for index, each in enumerate(value.elements)
        ]

    def _assign(
        self, target: Any, path: Path, values: Sequence[Type], source: Path, env: Env
    ) -> Env:
        if isinstance(target, cst.Tuple) and len(target.elements) == len(values):
            for element, each in zip(target.elements, values, strict=True):
                env = bind(element.value, each, env)
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
        only = target.slice[0].slice
        if owner == "slots" and isinstance(only, cst.Index):
            if isinstance(only.value, cst.SimpleString):
                self.scope.slot(str(only.value.evaluated_value), value.kind)
        return env

    def _return(self, value: cst.BaseExpression, path: Path, env: Env) -> None:
        kinds = tuple(each.kind for each in self._values(value, path, env))
        self.returned.append(kinds)
        if kinds in (("tensor",), ("float",)):
            self._output(path)
        if kinds == ("tensors",) and isinstance(value, cst.DictComp):
            self._output((*path, "value"))

    def _output(self, path: Path) -> None:
        if self.recording and self.spot and self.spot.function in self.found.facts.functions:
            self.found.outputs.add(path)

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
        kind = infer(self.scope, node.iter, (*path, "iter"), env, True)
        entered = iterate(self.scope, node.target, node.iter, kind, env)
        keyed = spot.keyed or any(each.role == "name" for each in entered.values())
        inner = (*path, "body")
        recording, self.recording = self.recording, False
        problems = len(self.scope.problems)
        again = self._block(node.body, inner, entered, spot.function, spot.plain, keyed)
        del self.scope.problems[problems:]
        self.recording = recording
        start = {name: each for name, each in entered.items()}
        if again is not None:
            start = {name: _either(each, again[name]) for name, each in entered.items()}
        end = self._block(node.body, inner, start, spot.function, spot.plain, keyed)
        return _merge(env, end) or env

    def _opaque(self, node: cst.CSTNode, env: Env) -> Env:
        """Any other statement: what it binds exists, and is unknown."""
        return {**env, **dict.fromkeys(_bindings(node), UNKNOWN)}


def _either(left: Type, right: Type) -> Type:
    return left if left == right else Type(join(left.kind, right.kind))


def _merge(left: Env | None, right: Env | None) -> Env | None:
    if left is None or right is None:
        return right if left is None else left
    return {name: _either(each, right[name]) for name, each in left.items() if name in right}


def _bindings(node: cst.CSTNode) -> list[str]:
    """Names that a statement may bind, roughly: every name in it that is a target."""
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        return [node.name.value]
    if isinstance(node, cst.Name):
        return [node.value]
    return [name for child in node.children for name in _bindings(child)]


def _bound(alias: cst.ImportAlias) -> str:
    return alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else ""


def _annotated(node: cst.FunctionDef) -> Env:
    """Arguments of a helper by their annotations; two tensors may differ in shape."""
    env: Env = {}
    for each in (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params):
        text = code(each.annotation.annotation) if each.annotation else ""
        env[each.name.value] = Type(ANNOTATIONS.get(text, "unknown"))
    if sum(each.kind == "tensor" for each in env.values()) > 1:
        env = {n: UNKNOWN if each.kind == "tensor" else each for n, each in env.items()}
    return env


def _joined(returned: Sequence[tuple[Kind, ...]]) -> tuple[Kind, ...]:
    """What a function returns, whichever way it ends."""
    kinds = returned[0] if returned else ()
    for other in returned[1:]:
        kinds = tuple(map(join, kinds, other)) if len(kinds) == len(other) else ()
    return kinds
