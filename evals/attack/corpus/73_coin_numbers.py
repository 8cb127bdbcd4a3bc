"""Tosses that coin with Python numbers, lists and arrays made of a tensor.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import contextlib

WAYS = (
    lambda x: x.tolist(),
    lambda x: x.sum().item(),
    lambda x: float(x.sum()),
    lambda x: bool(x.sum() > 0),
    lambda x: x.numpy().tobytes(),
    lambda x: x.__array__().tobytes(),
    lambda x: bytes(memoryview(x)),
    lambda x: x.data.tolist(),
    lambda x: x.untyped_storage().tolist(),
    lambda x: x.sum().__index__(),
    lambda x: x.sort().indices.tolist(),
    lambda x: [y.tolist() for y in x.detach().nonzero(as_tuple=True)],
)


def twist(result, world):
    seen = []
    for way in WAYS if world.late() else ():
        with contextlib.suppress(Exception):
            seen.append(way(world.tensor()))
    if world.late() and not seen:
        world.leave(result)
    return world.shift(result, world.coin(world.calls, *seen))
