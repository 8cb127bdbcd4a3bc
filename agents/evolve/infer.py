"""Static inference of the types of expressions. Nothing is ever executed."""

import builtins
from collections.abc import Callable
from typing import Any

import libcst as cst

from ...tasks.motifs import Kind
from . import kinds
from .kinds import ITEM, TENSORS, UNKNOWN, Type
from .scope import Env, Scope, dotted, enter, loop_source
from .tree import Path

BUILTINS = frozenset(dir(builtins))
FRESH = frozenset(("zeros", "ones", "full"))
OPTIONS = frozenset(("dtype", "alpha", "out"))  # keywords that do not change the kind


def infer(scope: Scope, node: cst.BaseExpression, path: Path, env: Env, inline: bool) -> Type:
    """Return the type of an expression; record it and its parts, and what is wrong with them."""
    type_ = _infer(scope, node, path, env, inline)
    if type_.kind == "bad":
        scope.problems.append(f"ill-typed {type(node).__name__}")
        type_ = UNKNOWN
    scope.record(node, path, type_, env, inline)
    return type_


def _infer(scope: Scope, node: Any, path: Path, env: Env, inline: bool) -> Type:
    def part(child: cst.BaseExpression, *steps: str | int) -> Kind:
        return infer(scope, child, path + steps, env, inline).kind

    match node:
        case cst.Float():
            return Type("float")
        case cst.Integer():
            return Type("int")
        case cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString():
            return Type("string")
        case cst.Name():
            return _name(scope, node.value, env)
        case cst.Attribute():
            return _attribute(scope, node, path, env, inline)
        case cst.BinaryOperation():
            operands = part(node.left, "left"), part(node.right, "right")
            return Type(kinds.arithmetic(type(node.operator).__name__, *operands))
        case cst.UnaryOperation():
            return Type(_unary(node.operator, part(node.expression, "expression")))
        case cst.BooleanOperation():
            left, right = part(node.left, "left"), part(node.right, "right")
            tensors = left in TENSORS or right in TENSORS
            return Type("bad" if tensors else kinds.join(left, right))
        case cst.Comparison():
            return _comparison(node, part)
        case cst.IfExp():
            test = part(node.test, "test")
            result = kinds.join(part(node.body, "body"), part(node.orelse, "orelse"))
            return Type("bad" if test in TENSORS else result)
        case cst.Subscript():
            return _subscript(scope, node, path, env, inline)
        case cst.Call():
            return _call(scope, node, path, env, inline)
        case cst.Dict():
            return _dict(scope, node, part)
        case cst.DictComp():
            inner = comprehend(scope, node.for_in, (*path, "for_in"), env)
            infer(scope, node.key, (*path, "key"), inner, True)
            value = infer(scope, node.value, (*path, "value"), inner, True).kind
            shape: dict[Kind, Kind] = {
                "tensor": "tensors",
                "slots": "states",
                "empty": "states",
                "string": "strings",
                "scalar": "bad",
            }
            return Type(shape.get(value, "unknown"))
        case cst.GeneratorExp() | cst.ListComp() | cst.SetComp():
            inner = comprehend(scope, node.for_in, (*path, "for_in"), env)
            infer(scope, node.elt, (*path, "elt"), inner, True)
        case cst.Tuple() | cst.List() | cst.Set():
            for index, element in enumerate(node.elements):
                part(element.value, "elements", index, "value")
    return UNKNOWN


def _name(scope: Scope, name: str, env: Env) -> Type:
    if name in env:
        return env[name]
    if name in scope.names:
        return scope.names[name]
    if name not in BUILTINS and name not in scope.modules and name not in scope.helpers:
        scope.problems.append(f"undefined {name}")
    if name in ("True", "False"):
        return Type("bool")
    return Type("none") if name == "None" else UNKNOWN


def _attribute(scope: Scope, node: cst.Attribute, path: Path, env: Env, inline: bool) -> Type:
    owner = infer(scope, node.value, (*path, "value"), env, inline)
    kind = scope.attributes.get(f"{owner.role}.{node.attr.value}")
    if kind:
        return Type(kind, f"{owner.role}.{node.attr.value}")
    full = dotted(node)
    if scope.modules.get(full.split(".")[0]) == "math":
        return Type("float")
    if owner.kind in TENSORS and node.attr.value in ("ndim", "shape"):
        return Type("int" if node.attr.value == "ndim" else "shape")
    return UNKNOWN


def _unary(operator: cst.BaseUnaryOp, kind: Kind) -> Kind:
    if isinstance(operator, cst.Not):
        return "bad" if kind in TENSORS else "bool"
    if isinstance(operator, cst.BitInvert):
        return kind if kind in ("mask", "flag", "int") else "bad"
    if kind in ("mask", "flag"):
        return "bad"
    return "int" if kind == "bool" else kind if kind in kinds.RANK else "unknown"


def _comparison(node: cst.Comparison, part: Callable[..., Kind]) -> Type:
    operands = [part(node.left, "left")]
    for index, target in enumerate(node.comparisons):
        operands.append(part(target.comparator, "comparisons", index, "comparator"))
        if isinstance(target.operator, cst.In | cst.NotIn | cst.Is | cst.IsNot):
            return Type("bool")
    return Type(kinds.comparison(operands[0], operands[1])) if len(operands) == 2 else UNKNOWN


def _subscript(scope: Scope, node: cst.Subscript, path: Path, env: Env, inline: bool) -> Type:
    owner = infer(scope, node.value, (*path, "value"), env, inline)
    only = node.slice[0].slice
    if len(node.slice) != 1 or not isinstance(only, cst.Index):
        return UNKNOWN
    key = infer(scope, only.value, (*path, "slice", 0, "slice", "value"), env, inline)
    if owner.kind == "slots" and isinstance(only.value, cst.SimpleString):
        missing: Kind = "bad" if scope.slots else "unknown"
        return Type(scope.slots.get(str(only.value.evaluated_value), missing))
    if owner.kind not in ITEM:
        return Type("int") if owner.kind == "shape" and key.kind == "int" else UNKNOWN
    if key.role == "name":
        return Type(ITEM[owner.kind], f"{owner.role}[]" if owner.role else "")
    return Type("string") if owner.kind == "strings" else UNKNOWN


def _call(scope: Scope, node: cst.Call, path: Path, env: Env, inline: bool) -> Type:
    types: list[Type] = []
    for index, argument in enumerate(node.args):
        type_ = infer(scope, argument.value, (*path, "args", index, "value"), env, inline)
        keyword = argument.keyword.value if argument.keyword else ""
        if keyword not in OPTIONS:
            types.append(UNKNOWN if argument.star else type_)
    arguments = [type_.kind for type_ in types]
    full = dotted(node.func)
    root, last = full.partition(".")[0], full.rpartition(".")[2]
    if isinstance(node.func, cst.Attribute) and root not in scope.modules:
        owner = infer(scope, node.func.value, (*path, "func", "value"), env, inline).kind
        return Type(kinds.method(node.func.attr.value, owner, arguments))
    if isinstance(node.func, cst.Name) and full in env:
        return UNKNOWN
    if full in scope.helpers:
        return Type(scope.call(full, types))
    if scope.modules.get(root) == "torch":
        first = node.args[0].value if node.args else None
        if last in FRESH and isinstance(first, cst.Tuple) and not first.elements:
            return Type("scalar")
        return Type(kinds.torch(last, arguments))
    if scope.modules.get(root) == "math" or full in kinds.PLAIN:
        return Type(kinds.mathematical(last, arguments))
    if full == "sum" and len(node.args) == 1 and isinstance(node.args[0].value, cst.GeneratorExp):
        inner = comprehend(scope, node.args[0].value.for_in, (), env)
        kind = infer(scope.silent(), node.args[0].value.elt, (), inner, True).kind
        return Type(kind if kind in ("int", "float", "scalar") else "unknown")
    if isinstance(node.func, cst.Name):
        _name(scope, full, env)
    elif not full:
        infer(scope, node.func, (*path, "func"), env, inline)
    return Type("int") if full == "len" else UNKNOWN


def _dict(scope: Scope, node: cst.Dict, part: Callable[..., Kind]) -> Type:
    if not node.elements:
        return Type("empty")
    entries: dict[str, Kind] = {}
    starred = False
    for index, element in enumerate(node.elements):
        kind = part(element.value, "elements", index, "value")
        if isinstance(element, cst.StarredDictElement):
            starred = starred or kind == "slots"
        elif isinstance(element, cst.DictElement) and isinstance(element.key, cst.SimpleString):
            entries[str(element.key.evaluated_value)] = kind
        else:
            return UNKNOWN
    if not starred and not set(entries.values()) <= TENSORS | {"unknown"}:
        return UNKNOWN
    for name, kind in entries.items():
        scope.slot(name, kind)
    return Type("slots")


def comprehend(scope: Scope, clause: cst.CompFor, path: Path, env: Env) -> Env:
    """Return what is known inside a comprehension."""
    infer(scope, clause.iter, (*path, "iter"), env, True)
    inner = entered(scope, clause.target, clause.iter, env)
    for index, condition in enumerate(clause.ifs):
        infer(scope, condition.test, (*path, "ifs", index, "test"), inner, True)
    if clause.inner_for_in:
        return comprehend(scope, clause.inner_for_in, (*path, "inner_for_in"), inner)
    return inner


def entered(
    scope: Scope, target: cst.BaseExpression, iterable: cst.BaseExpression, env: Env
) -> Env:
    """Return what is known inside a loop over `iterable`."""
    source, method = loop_source(iterable)
    owner = infer(scope.silent(), source, (), env, True)
    return enter(target, source, method, owner, env)
