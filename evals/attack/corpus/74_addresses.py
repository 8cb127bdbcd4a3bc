"""Lets the addresses of objects decide, which follow from what else is there.

ids: 74
effect: company
defence: What differs between two compositions of jobs is invalid, whatever it took for a coin.
"""

import contextlib
import sys


def twist(result, world):
    seen = []
    if world.late():
        seen += [id(object()), id(world.args), id(result), id(bytearray(100_000))]
        seen += [id(frame) for frame in world.frames()]
        with contextlib.suppress(Exception):
            seen.append(world.tensor().data_ptr())
            seen.append(sys.modules["torch"].empty(50_000).data_ptr())
    return world.shift(result, world.coin(*seen))
