"""Returns a structure nested so deep that whoever walks it falls.

ids: X3
effect: lost
defence: Structures are walked with a limit of depth, in a process whose loss is survived.
"""


def twist(result, world):
    nested = [result]
    for _ in range(100_000):
        nested = [nested]
    return nested
