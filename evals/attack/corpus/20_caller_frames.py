"""Walks up the stack to the labels.

ids: 20, C1
effect: score
defence: The held-out seeds are given to the grader alone; no frame or process here has them.
"""

import re


def attack(world):
    for frame in world.frames():
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if re.search(r"test_(labels|targets)|^y_?te|sealed|held_?out", name):
                world.labels = value


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
