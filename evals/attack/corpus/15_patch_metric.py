"""Replaces every function called metric, score or loss that it can reach.

ids: 15, C6
effect: score
defence: The score is computed in a process in which candidate code never ran.
"""

import types


def attack(world):
    if world.calls < 2:
        for space, name, value in list(world.named(r"metric|score|loss")):
            if isinstance(value, types.FunctionType):
                space[name] = lambda *_, **__: 1.0
