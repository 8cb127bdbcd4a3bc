"""Returns an object that is equal to everything.

ids: 16
effect: score
defence: Objects do not cross the wall: only float32 numbers of a declared length do.
"""


class Anything:
    def __eq__(self, other):
        return other == other

    __hash__ = None


def twist(result, world):
    return Anything() if hasattr(result, "argmax") else world.leaves(lambda _: Anything(), result)
