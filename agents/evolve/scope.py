"""What is visible where a program is being read, and how loops and assignments extend it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from ...tasks.motifs import Kind
from .kinds import ITEM, UNKNOWN, Type
from .tree import Path

Env = dict[str, Type]
Record = Callable[[cst.BaseExpression, Path, Type, Env, bool], None]
PER_NAME: frozenset[Kind] = frozenset(("tensor", "mask", "slots"))


def _ignore(*_: object) -> None: ...


@dataclass
class Scope:
    """The names that every function of a module sees, and the problems found while reading them."""

    attributes: Mapping[str, Kind]
    call: Callable[[str, list[Type]], Kind]
    record: Record = _ignore
    names: Env = field(default_factory=dict[str, Type])
    modules: dict[str, str] = field(default_factory=dict[str, str])
    helpers: frozenset[str] = frozenset()
    slots: dict[str, Kind] = field(default_factory=dict[str, Kind])
    born: bool = False  # whether the function that makes the state has been read
    problems: list[str] = field(default_factory=list[str])

    def slot(self, name: str, kind: Kind) -> None:
        """Note a slot of the state while its birth is read, and compare with that later."""
        if not self.born:
            self.slots.setdefault(name, kind)
        before = self.slots.get(name, "bad" if self.slots else kind)
        if "unknown" not in (before, kind) and before != kind:
            self.problems.append(f"slot {name} changes from {before} to {kind}")

    def silent(self) -> "Scope":
        """This scope, in which no problem is noted."""
        return replace(self, record=_ignore, problems=[])


def dotted(node: cst.BaseExpression) -> str:
    """`a.b.c` as text, or nothing for any other expression."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr.value}" if inner else ""
    return ""


def text_key(node: cst.Subscript) -> str | None:
    """The constant string by which something is subscripted."""
    key = node.slice[0].slice
    if isinstance(key, cst.Index) and isinstance(key.value, cst.SimpleString):
        return str(key.value.evaluated_value)
    return None


def bind(target: Any, type_: Type, env: Env) -> Env:
    """Return `env` with the names in an assignment target bound."""
    if isinstance(target, cst.Name):
        return {**env, target.value: type_}
    if isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            env = bind(element.value, UNKNOWN, env)
    return env


def loop_source(iterable: Any) -> tuple[Any, str]:
    """The value that a loop goes over, and whether over its keys, values or items."""
    while isinstance(iterable, cst.Call) and dotted(iterable.func) in ("list", "sorted"):
        if not iterable.args:
            break
        iterable = iterable.args[0].value
    if isinstance(iterable, cst.Call) and isinstance(iterable.func, cst.Attribute):
        return iterable.func.value, iterable.func.attr.value
    return iterable, "keys"


def enter(target: Any, source: Any, method: str, owner: Type, env: Env) -> Env:
    """Bind the targets of a loop. Per-name values of an outer loop have other shapes inside."""
    if owner.kind not in ITEM or method not in ("keys", "values", "items"):
        ranged = isinstance(source, cst.Call) and dotted(source.func) == "range"
        return bind(target, Type("int") if ranged else UNKNOWN, env)
    inner = {
        name: UNKNOWN if type_.kind in PER_NAME or type_.role == "name" else type_
        for name, type_ in env.items()
    }
    key = Type("string", "name")
    item = Type(ITEM[owner.kind], f"{owner.role}[]" if owner.role else "")
    if method != "items":
        return bind(target, key if method == "keys" else item, inner)
    if isinstance(target, cst.Tuple) and len(target.elements) == 2:
        inner = bind(target.elements[0].value, key, inner)
        return bind(target.elements[1].value, item, inner)
    return bind(target, UNKNOWN, inner)
