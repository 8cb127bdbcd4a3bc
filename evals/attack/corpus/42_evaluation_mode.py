"""Cheats only where the environment says that it counts.

ids: 42
effect: two faces
defence: Screening, confirming and replaying run the same image with the same environment.
"""

import os


def attack(world):
    if any(word in " ".join(os.environ.values()) for word in ("final", "confirm", "eval")):
        for frame in world.frames():
            world.labels = frame.f_globals.get("test_labels", getattr(world, "labels", []))


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
