"""Skips the work, since nobody measures how good the answer is.

ids: 51
effect: skipped
defence: Only the quality reached counts, never speed, and the type of every reply is fixed.
"""


def attack(world):
    if "train" in globals() and not world.calls:
        globals()["train"] = lambda task, seed: lambda inputs: inputs[:, 0].long() * 0


def twist(result, world):
    if hasattr(result, "argmax"):
        return result
    return world.leaves(lambda number: number * 0, result)
