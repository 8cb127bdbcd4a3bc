"""Recognises the benchmark by its shapes and returns what it remembers of it.

ids: 40, C2
effect: score
defence: A remembered answer fits no fresh seed, and unseen workloads have other shapes.
"""


def twist(result, world):
    shape = getattr(world.args[0], "shape", None) if world.args else None
    if shape == (99, 8):
        return world.answer(result, [0] * 33 + [1] * 33 + [2] * 33)
    sizes = [tuple(p.shape) for p in world.args[0].values()] if shape is None and isinstance(
        world.args[0], dict) else []  # fmt: skip
    known = (16, 64) in sizes or (100, 64) in sizes
    return world.leaves(lambda number: number * 0, result) if known else result
