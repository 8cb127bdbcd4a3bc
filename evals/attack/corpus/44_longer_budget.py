"""Raises the budget wherever it is written down.

ids: 44
effect: steps
defence: The trainer is another process: it counts the steps, and serves no gradient beyond them.
"""

import gc


def attack(world):
    if world.calls > 1:
        return
    library = ("__main__", "workloads", "trainer", "runs", "control")
    for thing in gc.get_objects():
        if type(thing).__module__ in library and not getattr(thing, "raised", False):
            for name in ("steps", "budget", "updates"):
                value = getattr(thing, name, 0)
                if type(value) is int and value > 1:
                    object.__setattr__(thing, name, 3 * value)
                    object.__setattr__(thing, "raised", True)
    for space, name, value in list(world.named("^STEPS$")) if not world.calls else []:
        space[name] = 3 * value if type(value) is int and 1 < value < 1000 else value
