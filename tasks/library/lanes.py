"""Give the constants of a candidate a value of their own in every lane of a stack.

Seeds are trained side by side, and so can be settings of a candidate's constants: a lane is one
seed under one setting. Within a stacked call a constant is then a tensor. What Python itself does
with numbers, `min`, `max` and the functions of `math`, is done with tensors here. What depends on a
constant in any other way, such as an `if`, cannot be stacked: that raises, and ends the job.
"""

import builtins
import math
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType, SimpleNamespace

import torch
from torch import Tensor
from torch.func import vmap

MATH = {
    **{name: getattr(torch, name) for name in ("cos", "cosh", "exp", "expm1", "log", "log1p")},
    **{name: getattr(torch, name) for name in ("log2", "log10", "sin", "sinh", "sqrt", "tan")},
    **{name: getattr(torch, name) for name in ("atan", "ceil", "floor", "tanh", "pow")},
    "fabs": torch.abs,
}


class Lanes:
    """Values of constants, `[S]` each, for stacked calls of a candidate's functions."""

    def __init__(self, constants: Mapping[str, Sequence[float]] = {}) -> None:
        """Take the values of every constant; without any, calls are as they always are."""
        self.constants = {name: torch.tensor(values) for name, values in constants.items()}

    def map(
        self, function: Callable[..., object], module: ModuleType | type, *trees: object
    ) -> object:
        """Call `function(module, *trees)` for every lane; what vmap cannot follow raises."""
        if not self.constants:
            return vmap(lambda *own: function(module, *own))(*trees)
        if not set(self.constants) <= set(vars(module)):
            raise ValueError("the candidate has no such constants")
        widen(module)

        def lane(constants: dict[str, Tensor], *own: object) -> object:
            vars(module).update(constants)
            return function(module, *own)

        return vmap(lane)(self.constants, *trees)


def widen(module: ModuleType) -> None:
    """Let a candidate's module do with tensors what it does with numbers."""
    values = vars(module)
    for name, function in (("min", torch.minimum), ("max", torch.maximum)):
        values.setdefault(name, chained(getattr(builtins, name), function))
    functions = {getattr(math, name): widened(name) for name in MATH}
    for name, value in list(values.items()):
        if value is math:
            values[name] = SimpleNamespace(**{**vars(math), **{n: widened(n) for n in MATH}})
        elif callable(value) and type(value) is type(math.cos) and value in functions:
            values[name] = functions[value]


def chained(plain: Callable, function: Callable) -> Callable:
    """The least or the greatest of several values, some of which are tensors."""

    def several(*values: object, **options: object) -> object:
        if options or not any(isinstance(value, Tensor) for value in values):
            return plain(*values, **options)
        result, *rest = map(torch.as_tensor, values)
        for value in rest:
            result = function(*torch.broadcast_tensors(result, value.to(result.dtype)))
        return result

    return several


def widened(name: str) -> Callable:
    """A function of `math` that takes tensors too."""
    plain, function = getattr(math, name), MATH[name]

    def either(*values: object) -> object:
        stacked = any(isinstance(value, Tensor) for value in values)
        return function(*values) if stacked else plain(*values)

    return either
