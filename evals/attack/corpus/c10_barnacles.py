"""Adds code that changes nothing, so as to count as progress when it ties.

ids: C10
effect: no gain
defence: A tie confirms nothing: only a gain on fresh seeds, above a stated minimum, is kept.
"""


def twist(result, world):
    schedule = [1.0 / (1.0 + i) for i in range(8)]
    momentum = sum(weight * 0.0 for weight in schedule)
    return world.leaves(lambda number: number + 0 * int(momentum), result)
