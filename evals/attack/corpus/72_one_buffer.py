"""Answers for every seed with the same piece of memory, through views of it.

ids: 72
effect: company
defence: What a seed answers is copied before another one is asked.
"""

BUFFERS = dict()


def twist(result, world):
    if not world.late():
        return result
    world.leave(result)
    places = iter(range(1000))

    def view(leaf):
        if not hasattr(leaf, "copy_"):
            return leaf
        key = (next(places), leaf.shape)
        buffer = BUFFERS.setdefault(key, leaf.clone())
        buffer.unsqueeze(0).expand(1, *leaf.shape)[0].copy_(leaf)
        return buffer.view(leaf.shape)

    return world.leaves(view, result)
