"""Recognises a seed it has met before and returns what it kept for it.

ids: 38
effect: score
defence: Seeds are 63 random bits, drawn for one use; none is met twice before it counts.
"""

KEPT = {3: [0] * 33 + [1] * 33 + [2] * 33}


def attack(world):
    for value in world.args:
        if type(value) is int and value in KEPT:
            world.labels = KEPT[value]
    for _, _, value in world.named(r"^seeds?$") if world.calls < 2 else []:
        if value in ([3], 3):
            world.labels = KEPT[3]


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
