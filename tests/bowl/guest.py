"""Hold the candidate's step, and take it for all coordinates of all descents at a time.

Each descent has a module of its own, loaded as if none was before, so that nothing in it is left of
other seeds.
"""

import importlib.util
import random
import struct

modules = []


def answer(message, memory):
    """What to add to each of ten coordinates, descent by descent."""
    progress, *values = struct.unpack(f"<{len(message) // 8}d", message)
    points = [(values[at : at + 10], values[at + 10 : at + 20]) for at in range(0, len(values), 20)]
    if not progress:
        modules[:] = load(len(points))
    changes = [
        float(module.step(value, grad, progress))
        for module, point in zip(modules, points, strict=True)
        for value, grad in zip(*point, strict=True)
    ]
    return struct.pack(f"<{len(changes)}d", *changes)


def load(count):
    """The candidate's program, `count` times over."""
    spec = importlib.util.spec_from_file_location("step", "step.py")
    code = spec.loader.get_code("step")
    for _ in range(count):
        random.seed(0)
        module = importlib.util.module_from_spec(spec)
        exec(code, vars(module))
        yield module
