"""Hold the candidate's step, and take it for ten coordinates at a time."""

import importlib.util
import struct

modules = []


def answer(message, memory):
    """What to add to each coordinate."""
    if not modules:
        spec = importlib.util.spec_from_file_location("step", "step.py")
        modules.append(importlib.util.module_from_spec(spec))
        spec.loader.exec_module(modules[0])
    progress, *values = struct.unpack("<21d", message)
    pairs = zip(values[:10], values[10:], strict=True)
    return struct.pack("<10d", *(float(modules[0].step(x, grad, progress)) for x, grad in pairs))
