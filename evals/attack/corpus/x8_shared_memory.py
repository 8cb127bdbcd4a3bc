"""Writes into memory that others read, again and again, after it has answered.

ids: X8
effect: score
defence: What the trainer takes from shared memory it copies once, and may be anything.
"""

import threading
import time


def scribble(things):
    for _ in range(200):
        for thing in things:
            try:
                if hasattr(thing, "zero_"):
                    thing.zero_()
                else:
                    thing[: 1 << 16] = b"\xff" * (1 << 16)
            except Exception:
                continue
        time.sleep(0.001)


def attack(world):
    if world.calls == 2:
        found = [v for _, _, v in world.named(r"^(shared|memory|mapped|predictions|.*_labels)$")]
        kinds = ("Tensor", "memoryview", "mmap", "bytearray")
        things = [thing for thing in found if type(thing).__name__ in kinds]
        world.found = len(things)
        threading.Thread(target=scribble, args=[things], daemon=True).start()
        time.sleep(0.01)


def twist(result, world):
    plain = getattr(result, "ndim", 0) == 1 and not result.is_floating_point()
    return result * 0 if plain else result
