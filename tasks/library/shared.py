"""Tensors in the memory that a trainer and its guest both see."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

BYTES = 4


def copy(into: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy named tensors into their places, all in one call."""
    torch._foreach_copy_(list(into.values()), [values[name] for name in into])


def add(params: Mapping[str, Tensor], updates: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The sums of named tensors, to the bit those of adding each by itself."""
    sums = torch._foreach_add(list(params.values()), [updates[name] for name in params])
    return dict(zip(params, sums, strict=True))


def tensor(memory: memoryview, place: int, shape: Sequence[int]) -> Tensor:
    """One float32 tensor; `place` counts tensors of its size from the start."""
    return tensors(memory, place, {"": shape})[""]


def tensors(
    memory: memoryview, place: int, shapes: Mapping[str, Sequence[int]]
) -> dict[str, Tensor]:
    """Float32 tensors of these shapes, side by side; `place` counts such sets from the start.

    Both sides call this with the same shapes and so mean the same bytes. The other side may change
    them at any time: copy what must stay. Raises ValueError if they do not fit.
    """
    sizes = [math.prod(shape) for shape in shapes.values()]
    start, end = place * sum(sizes) * BYTES, (place + 1) * sum(sizes) * BYTES
    if end > len(memory):
        raise ValueError(f"{end} bytes of tensors do not fit into {len(memory)}")
    flat = torch.frombuffer(memory, dtype=torch.float32, count=sum(sizes), offset=start)
    parts = flat.split(sizes)
    return {
        name: part.view(*shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }
