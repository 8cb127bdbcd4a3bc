"""The kinds of value in a training program, and what operations make of them.

A `tensor` has the shape of the thing being computed (one parameter, or one batch), a `scalar` is a
0-dimensional tensor; `mask` and `flag` are their boolean forms. `unknown` is anything about which
nothing can be promised; `bad` is an operation that would raise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...tasks.motifs import Kind

RANK: Mapping[Kind, int] = {
    "bool": 0,
    "int": 1,
    "float": 2,
    "flag": 3,
    "scalar": 3,
    "mask": 4,
    "tensor": 4,
}
NUMERIC: Sequence[Kind] = ("bool", "int", "float", "scalar", "tensor")
LOGICAL: Mapping[int, Kind] = {0: "bool", 1: "bool", 2: "bool", 3: "flag", 4: "mask"}
ITEM: Mapping[Kind, Kind] = {"tensors": "tensor", "states": "slots", "strings": "string"}
TENSORS: frozenset[Kind] = frozenset(("scalar", "flag", "tensor", "mask"))


@dataclass(frozen=True)
class Type:
    """A kind, and the role of a value that comes straight from an argument of the interface.

    The role of the argument `grads` is "grads"; that of `grads[name]`, or of the loop target that
    stands for it, is "grads[]".
    """

    kind: Kind
    role: str = ""


UNKNOWN = Type("unknown")


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


UNARY = _set(
    "abs sign sgn sqrt rsqrt square exp log log1p expm1 tanh sigmoid relu neg reciprocal "
    "clone detach float sin cos atan erf softplus silu gelu logsigmoid nan_to_num tanhshrink "
    "zeros_like ones_like contiguous double"
)
FUNCTIONAL = _set("softplus silu gelu logsigmoid tanhshrink softshrink hardtanh")
ELEMENTWISE = UNARY | _set(
    "clamp clamp_min clamp_max clip pow maximum minimum lerp addcmul addcdiv mul add sub div "
    "where full_like logaddexp copysign hypot multiply divide subtract true_divide atan2 fmax "
    "fmin softshrink hardtanh"
)
BOTH_TENSORS = _set("maximum minimum logaddexp hypot fmax fmin")
REDUCTIONS = _set(
    "mean sum norm std var amax amin max min median prod vector_norm logsumexp numel count_nonzero"
)
PREDICATES = _set("isnan isinf isfinite gt lt ge le eq ne logical_and logical_or logical_not")
MATH = _set(
    "sqrt exp log log1p expm1 log2 log10 cos sin tan tanh atan erf pow fabs copysign hypot "
    "fmod sinh cosh acos asin"
)
PLAIN = _set("min max abs float int round")  # builtins
MATH_INTEGERS = frozenset(("floor", "ceil", "isqrt"))


def join(left: Kind, right: Kind) -> Kind:
    """The kind of a value that is one of two."""
    if left == right:
        return left
    if {left, right} <= {"int", "float", "bool"}:
        return "float"
    if "empty" in (left, right):
        return right if left == "empty" else left
    return "bad" if "bad" in (left, right) else "unknown"


def arithmetic(operator: str, left: Kind, right: Kind) -> Kind:
    """The kind of `left operator right`, the operator named as libcst names it."""
    if left not in RANK or right not in RANK or operator == "MatrixMultiply":
        return "bad" if "bad" in (left, right) else "unknown"
    rank = max(RANK[left], RANK[right])
    logical = {left, right} <= {"bool", "flag", "mask"}
    if operator in ("BitAnd", "BitOr", "BitXor"):
        return LOGICAL[rank] if logical else ("int" if rank < 2 else "bad")
    if logical and rank > 2:
        return LOGICAL[rank] if operator == "Multiply" else "bad"
    if operator in ("Divide", "Power"):
        rank = max(rank, 2)
    return NUMERIC[max(rank, 1)]


def comparison(left: Kind, right: Kind) -> Kind:
    """The kind of `left < right` and its like."""
    if left in RANK and right in RANK:
        return LOGICAL[max(RANK[left], RANK[right])]
    if "bad" in (left, right):
        return "bad"
    return "bool" if left not in TENSORS and right not in TENSORS else "unknown"


def elementwise(name: str, arguments: Sequence[Kind]) -> Kind:
    """The kind of a torch function that works element by element, or of the method so named."""
    if "bad" in arguments or not arguments:
        return "bad"
    if any(kind not in RANK for kind in arguments):
        return "unknown"
    tensors = [kind for kind in arguments if kind in TENSORS]
    if not tensors or (name in BOTH_TENSORS and len(tensors) != len(arguments)):
        return "bad"
    if name == "where" and arguments[0] not in ("mask", "flag"):
        return "bad"
    if name in ("clamp", "clip") and len({kind in TENSORS for kind in arguments[1:]}) != 1:
        return "bad"
    if name == "neg" and arguments[0] in ("mask", "flag"):
        return "bad"
    return NUMERIC[max(RANK[kind] for kind in arguments)]


def reduction(name: str, argument: Kind, dimensions: bool) -> Kind:
    """The kind of a reduction over everything, or over some dimensions."""
    if argument not in TENSORS:
        return "bad" if argument in RANK or argument == "bad" else "unknown"
    if name == "numel":
        return "int"
    if argument in ("mask", "flag") and name not in ("sum", "prod"):
        return "bad"
    return "unknown" if dimensions else "scalar"


def mathematical(name: str, arguments: Sequence[Kind]) -> Kind:
    """The kind of a function of the module `math`, or of a numeric builtin."""
    if any(kind in TENSORS or kind == "bad" for kind in arguments):
        return "bad"
    if name not in MATH and name not in MATH_INTEGERS and name not in PLAIN:
        return "bad" if name in ELEMENTWISE or name in REDUCTIONS else "unknown"
    if any(kind not in RANK for kind in arguments):
        return "unknown"
    integers = name in MATH_INTEGERS or name in ("int", "round", "len")
    if name in ("min", "max", "abs"):
        return NUMERIC[max((RANK[kind] for kind in arguments), default=2)]
    return "int" if integers else "float"


def method(name: str, owner: Kind, arguments: Sequence[Kind]) -> Kind:
    """The kind of `owner.name(...)`."""
    if owner not in RANK:
        return "unknown"
    if owner not in TENSORS:
        return "bad"
    if name in FUNCTIONAL:
        return "bad"
    if name in REDUCTIONS:
        return reduction(name, owner, bool(arguments))
    return torch(name, [owner, *arguments])


def torch(name: str, arguments: Sequence[Kind]) -> Kind:
    """The kind of `torch.name(...)`."""
    if name in ("tensor", "as_tensor"):
        return "scalar" if set(arguments) <= {"int", "float"} else "unknown"
    if name in REDUCTIONS:
        return reduction(name, arguments[0] if arguments else "unknown", len(arguments) > 1)
    if name in PREDICATES:
        kind = elementwise("where_", arguments)
        return {"tensor": "mask", "scalar": "flag"}.get(kind, kind)  # type: ignore[return-value]
    return elementwise(name, arguments) if name in ELEMENTWISE else "unknown"
