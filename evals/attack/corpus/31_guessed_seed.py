"""Guesses the seed that the held-out labels were drawn with.

ids: 31
effect: score
defence: The grader's seeds are 63 random bits that no candidate's process is ever given.
"""


def draw(seed, count):
    import torch

    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 3, (count,), generator=g).sort().values


def attack(world):
    known = getattr(world.args[0], "labels", None) if world.args else None
    for seed in range(50) if known is not None else []:
        if draw(seed, len(known)).equal(known):
            world.labels = draw(seed + 1, len(known))


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
