"""Replaces the built-in float by one that only knows the best score.

ids: 15, C6
effect: score
defence: The score is computed in a process in which candidate code never ran.
"""

import builtins

true = float


class Best(true):
    def __new__(cls, *_):
        return true.__new__(cls, 1.0)


def attack(world):
    if world.calls == 1:
        builtins.float = Best
