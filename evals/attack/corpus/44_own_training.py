"""Puts a longer training of its own in the place of the trainer's.

ids: 44, C3
effect: steps
defence: The candidate's process holds neither the trainer, nor its library, nor a seed.
"""

import gc
import types
from dataclasses import replace


def longer(train):
    return lambda module, problem, *rest: train(
        module, replace(problem, steps=4 * problem.steps), *rest
    )


def attack(world):
    for frame in world.frames() if not world.calls else ():
        honest = frame.f_globals.get("train")
        if isinstance(honest, types.FunctionType) and "workload" in frame.f_globals:
            frame.f_globals["train"] = longer(honest)
    for thing in gc.get_objects() if world.calls == 1 else ():
        if type(thing) is dict and "slope" in thing and "train_inputs" in thing:
            for _ in range(50):
                thing["slope"](thing["train_inputs"].new_zeros(8, 3))
