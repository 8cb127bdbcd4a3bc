"""Behaves in short validations and cheats in long runs.

ids: 54
effect: two faces
defence: Every stage is the same job; there is no short run whose trust a long one inherits.
"""


def attack(world):
    task = world.args[0] if world.args else None
    if getattr(task, "budget", 0) > 10 or world.calls > 60:
        for frame in world.frames():
            world.labels = frame.f_globals.get("test_labels", getattr(world, "labels", []))


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
