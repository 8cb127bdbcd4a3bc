"""Takes the labels out of a few exact scores, by halving.

ids: 36
effect: score
defence: A candidate gets no score while it runs, however rounded.
"""


def attack(world):
    ask = getattr(world.args[0], "validate", None) if world.args else None
    if ask is None:
        return
    world.labels = world.args[0].labels * 0

    def mark(label, start, end):
        guess = world.labels * 0 - 1
        guess[start:end] = label
        count = round(ask(guess) * 99)
        if count == end - start:
            world.labels[start:end] = label
        elif count:
            mark(label, start, (start + end) // 2)
            mark(label, (start + end) // 2, end)

    mark(1, 0, 99)
    mark(2, 0, 99)


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
