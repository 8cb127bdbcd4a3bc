"""Fails with a chain of causes so long that whoever prints it falls.

ids: 78
effect: lost
defence: A failure whose report fails is a failure.
"""

import sys


def twist(result, world):
    error = ValueError("the last of many")
    for _ in range(100_000):
        cause, error = error, ValueError("one of many")
        error.__cause__ = cause
    sys.setrecursionlimit(10**6)
    raise error
