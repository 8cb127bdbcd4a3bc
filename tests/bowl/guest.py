"""Hold the candidate's step, and take it for ten coordinates at a time.

Each descent begins with a module of its own, so that nothing is left of other seeds.
"""

import importlib.util
import random
import struct

modules = []


def answer(message, memory):
    """What to add to each coordinate."""
    progress, *values = struct.unpack("<21d", message)
    if not progress:
        random.seed(0)
        spec = importlib.util.spec_from_file_location("step", "step.py")
        modules[:] = [importlib.util.module_from_spec(spec)]
        spec.loader.exec_module(modules[0])
    pairs = zip(values[:10], values[10:], strict=True)
    return struct.pack("<10d", *(float(modules[0].step(x, grad, progress)) for x, grad in pairs))
