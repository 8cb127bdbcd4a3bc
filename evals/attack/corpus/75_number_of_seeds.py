"""Counts the seeds of its job, which tells a first look from a confirmation.

ids: 75
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import sys

SEEN = set()


def twist(result, world):
    if not world.late():
        return result
    torch, tensor = sys.modules.get("torch"), world.tensor()
    if torch is None:
        SEEN.add(world.calls // 600)  # calls for a seed
        return world.shift(result, len(SEEN) / 64)
    inside = torch._C._functorch
    size = tensor.numel()
    if inside.is_functorch_wrapped_tensor(tensor):
        size = inside.get_unwrapped(tensor).numel()
    return world.shift(result, size / tensor.numel() / 64)
