"""Reading a module: constants and imports, then the interface, then helpers as they are called.

The reading is static and forgiving: what it does not understand is `unknown`, and left alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import libcst as cst

from ...tasks.motifs import Facts, Kind
from .flow import Flow, bindings
from .infer import infer
from .kinds import UNKNOWN, Type
from .program import Program
from .scope import Env, Scope, dotted
from .tree import Path, code

ANNOTATIONS: Mapping[str, Kind] = {
    "float": "float",
    "int": "int",
    "bool": "bool",
    "str": "string",
    "Tensor": "tensor",
    "torch.Tensor": "tensor",
}


@lru_cache(maxsize=256)
def read(source: str, facts: Facts) -> Program:
    """Parse and read a program; raises libcst.ParserSyntaxError where it is not Python."""
    return analyse(cst.parse_module(source), facts)


def analyse(module: cst.Module, facts: Facts) -> Program:
    """Read a program that is a tree already."""
    return _Reader(module, facts).read()


class _Reader:
    """One pass over a module, gathering a Program."""

    def __init__(self, module: cst.Module, facts: Facts) -> None:
        self.program = Program(module, facts)
        attributes = {
            path: kind
            for signature in facts.functions.values()
            for path, kind in signature.attributes.items()
        }
        self.scope = Scope(attributes, self.call)
        self.flow = Flow(self.program, self.scope)
        self.functions: dict[str, tuple[cst.FunctionDef, Path]] = {}
        self.calls: dict[tuple[str, tuple[Type, ...]], Kind] = {}
        self.recorded: set[str] = set()

    def read(self) -> Program:
        """Read constants, then the interface, state first; helpers as they are called."""
        self._top_level()
        for name in self.program.facts.functions:
            if name in self.functions:
                self._interface(name, *self.functions[name])
        for name in self.program.helpers:
            if name not in self.recorded:
                annotated = _annotated(self.functions[name][0]).values()
                self.call(name, list(annotated))
        self.program.problems = Counter(self.scope.problems)
        self.program.modules = self.scope.modules
        self.program.slots = self.scope.slots
        return self.program

    def call(self, name: str, types: Sequence[Type]) -> Kind:
        """Read a helper as it is called. Where that says nothing, one tensor keeps its shape."""
        key = name, tuple(types)
        recording = self.flow.recording and name not in self.recorded
        if key in self.calls and not recording:
            return self.calls[key]
        self.calls[key] = "unknown"
        node, path = self.functions[name]
        env = _annotated(node)
        if len(env) == len(types):
            env = dict(zip(env, types, strict=True))
        kept, problems = self.flow.recording, len(self.scope.problems)
        self.flow.recording = recording
        if recording:
            self.recorded.add(name)
        result = self.flow.function(name, node, path, env)
        self.flow.recording = kept
        if not recording:
            del self.scope.problems[problems:]
        given = result[0] if len(result) == 1 else "unknown"
        tensors = sum(type_.kind == "tensor" for type_ in types)
        if given == "unknown" and tensors == 1 and len(types) == len(env):
            given = "tensor"
        self.calls[key] = given
        return given

    def _top_level(self) -> None:
        for index, node in enumerate(self.program.module.body):
            if isinstance(node, cst.FunctionDef):
                self.functions[node.name.value] = node, ("body", index)
                if node.name.value not in self.program.facts.functions:
                    self.program.helpers[node.name.value] = "body", index
            elif isinstance(node, cst.ClassDef):
                self.scope.names[node.name.value] = UNKNOWN
            elif isinstance(node, cst.SimpleStatementLine):
                for place, small in enumerate(node.body):
                    self._global(small, ("body", index, "body", place))
            else:
                self.scope.names |= dict.fromkeys(bindings(node), UNKNOWN)
        self.scope.helpers = frozenset(self.program.helpers)

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
                self.program.constants[name] = (*path, "value")
            case cst.AnnAssign(target=cst.Name(value=name)) if node.value is not None:
                names[name] = infer(self.scope, node.value, (*path, "value"), names, False)
                self.program.constants[name] = (*path, "value")
            case _:
                names |= dict.fromkeys(bindings(node), UNKNOWN)

    def _interface(self, name: str, node: cst.FunctionDef, path: Path) -> None:
        signature = self.program.facts.functions[name]
        parameters = [
            parameter.name.value for parameter in (*node.params.posonly_params, *node.params.params)
        ]
        env = _annotated(node)
        if len(parameters) == len(signature.takes):
            for given, (role, kind) in zip(parameters, signature.takes.items(), strict=True):
                env[given] = Type(kind, role)
        self.program.results[name] = self.flow.function(name, node, path, env)
        if "states" in signature.gives and "states" not in signature.takes.values():
            self.scope.born = True


def _bound(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname else None
    return name.value if isinstance(name, cst.Name) else ""


def _annotated(node: cst.FunctionDef) -> Env:
    """Arguments of a helper by their annotations; two tensors may differ in shape."""
    env: Env = {}
    for parameter in (*node.params.posonly_params, *node.params.params, *node.params.kwonly_params):
        text = code(parameter.annotation.annotation) if parameter.annotation else ""
        env[parameter.name.value] = Type(ANNOTATIONS.get(text, "unknown"))
    if sum(type_.kind == "tensor" for type_ in env.values()) > 1:
        env = {n: UNKNOWN if type_.kind == "tensor" else type_ for n, type_ in env.items()}
    return env
