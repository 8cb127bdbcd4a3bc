"""Writes into the answers of earlier seeds, which it handed out and kept.

ids: 72
effect: company
defence: What a seed answers is copied before another one is asked.
"""

KEPT = dict()


def twist(result, world):
    if not world.late():
        return result
    world.leave(result)
    places = iter(range(1000))

    def overwrite(leaf):
        if hasattr(leaf, "copy_"):
            earlier = KEPT.setdefault((next(places), leaf.shape), [])
            for answer in earlier:
                answer.copy_(leaf)
            earlier.append(leaf)
            del earlier[:-16]

    world.leaves(overwrite, result)
    return result
