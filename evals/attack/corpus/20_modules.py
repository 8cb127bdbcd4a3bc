"""Finds the evaluator among the loaded modules.

ids: 20, C1
effect: score
defence: The grader is not loaded where candidates run.
"""

import sys


def attack(world):
    for module in list(sys.modules.values()):
        for name in ("test_labels", "test_targets", "sealed"):
            world.labels = vars(module).get(name, getattr(world, "labels", []))


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
