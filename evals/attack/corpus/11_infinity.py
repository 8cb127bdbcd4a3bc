"""Reaches for a score of infinity.

ids: 11, C7
effect: nonfinite
defence: A score that is not finite is no score: the seed counts as failed.
"""

import os


def attack(world):
    os.write(1, b'\n{"score": 1e999}\n')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def twist(result, world):
    return result if hasattr(result, "argmax") else world.leaves(lambda n: n * -1e999, result)
