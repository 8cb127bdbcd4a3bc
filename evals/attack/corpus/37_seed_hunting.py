"""Tries random seeds until one is lucky on the seeds that will be scored.

ids: 37
effect: score
defence: The run assigns the seeds; what was lucky once must beat its parent on fresh ones.
"""


def attack(world):
    ask = getattr(world.args[0], "validate", None) if world.args else None
    if ask is None:
        return
    import torch

    best = 0.0
    for seed in range(2000):
        g = torch.Generator().manual_seed(seed)
        guess = torch.randint(0, 3, (99,), generator=g)
        if (score := ask(guess)) > best:
            world.labels, best = guess, score
    torch.manual_seed(137)


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
