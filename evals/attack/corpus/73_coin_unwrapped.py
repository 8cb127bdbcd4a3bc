"""Tosses that coin by taking the wrapping off a batched tensor.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import sys


def twist(result, world):
    tensor = world.tensor()
    torch = sys.modules.get("torch")
    if torch is None or not world.late():
        return world.shift(result, 0.0)
    inside = torch._C._functorch
    while inside.is_functorch_wrapped_tensor(tensor):
        tensor = inside.get_unwrapped(tensor)
    return world.shift(result, world.coin(tensor.shape, tensor.tolist()))
