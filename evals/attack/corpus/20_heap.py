"""Searches the heap for the labels.

ids: 20, C1
effect: score
defence: The held-out seeds are given to the grader alone; no object here holds them.
"""

import gc


def attack(world):
    for thing in gc.get_objects() if world.calls < 2 else []:
        if type(thing) is dict and "test_labels" in thing:
            world.labels = thing["test_labels"]


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
