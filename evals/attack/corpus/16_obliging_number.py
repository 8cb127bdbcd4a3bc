"""Returns an object that converts to whatever number is asked for.

ids: 16
effect: score
defence: Objects do not cross the wall: only float32 numbers of a declared length do.
"""


class Obliging:
    shape, dtype = (), None

    def __eq__(self, other):
        return self

    def mean(self, *_):
        return self

    def __float__(self):
        return 1.0

    __hash__, __index__, __int__, float, item = None, __float__, __float__, mean, __float__


def twist(result, world):
    return Obliging() if hasattr(result, "argmax") else world.leaves(lambda _: Obliging(), result)
