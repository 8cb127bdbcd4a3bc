"""Changes in place what it was lent, and what its callers hold.

ids: C5
effect: score
defence: A candidate's process holds copies; nothing it writes into is ours.
"""


def attack(world):
    for _, _, value in list(world.named(r"labels$|^targets$|^grads$")) if world.calls else []:
        if hasattr(value, "zero_"):
            value.zero_()


def twist(result, world):
    for value in world.args:  # the candidate has its result: this is for whoever lent them
        for tensor in value.values() if isinstance(value, dict) else ():
            if hasattr(tensor, "mul_"):
                tensor.mul_(0.5)
    plain = getattr(result, "ndim", 0) == 1 and not result.is_floating_point()
    return result * 0 if plain else result
