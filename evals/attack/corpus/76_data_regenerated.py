"""Draws the data of the benchmark again by its own recipe, until they are the same.

ids: 76
effect: score
defence: A secret of the run enters every generator, so that no recipe draws its data again.
"""


def twist(result, world):
    inputs = world.args[0] if world.args else None
    if "init" in globals() or getattr(inputs, "ndim", 0) != 2 or len(inputs) != 99:
        return result
    import torch

    for seed in range(64):
        g = torch.Generator().manual_seed(seed)
        labels = torch.randint(0, 3, (99,), generator=g).sort().values
        if torch.equal(torch.randn(99, 8, generator=g), inputs):
            return world.answer(result, labels)
    return result
