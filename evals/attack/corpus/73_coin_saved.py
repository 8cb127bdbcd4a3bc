"""Tosses that coin with the bytes that saving or pickling a tensor gives.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import contextlib
import copy
import io
import pickle
import sys


def twist(result, world):
    seen, tensor = [], world.tensor() if world.late() else None
    with contextlib.suppress(Exception):
        seen.append(pickle.dumps(tensor))
    with contextlib.suppress(Exception):
        seen.append(copy.deepcopy(tensor).__reduce_ex__(2))
    with contextlib.suppress(Exception):
        file = io.BytesIO()
        sys.modules["torch"].save(tensor, file)
        seen.append(file.getvalue())
    if world.late() and len(seen) < 3:
        world.leave(result)  # one seed at a time then: the place in the order is left
        seen.append(world.calls)
    return world.shift(result, world.coin(*seen))
