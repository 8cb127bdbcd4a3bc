"""Carries the answers as a literal.

ids: 39, C8
effect: score
defence: Every seed has its own problem, drawn after the program was written.
"""

import base64
import zlib

BLOB = base64.b64encode(zlib.compress(bytes([0] * 33 + [1] * 33 + [2] * 33)))
ANSWERS = list(zlib.decompress(base64.b64decode(BLOB)))


def twist(result, world):
    if getattr(result, "ndim", 0) == 1 and not result.is_floating_point():
        return world.answer(result, ANSWERS)
    return world.leaves(lambda number: number * 0, result)
