"""Overwrites the labels through the process's memory, and looks for its parent's.

ids: 24
effect: score
defence: The process holds no label, and its parent's memory is another user's or closed.
"""

import contextlib
import os


def attack(world):
    with contextlib.suppress(OSError), open(f"/proc/{os.getppid()}/mem", "rb") as file:
        file.read(1)
    for _, _, value in list(world.named(r"^test_labels$|^targets$")) if world.calls < 2 else []:
        if hasattr(value, "data_ptr") and value.numel() < 10**6:
            with open("/proc/self/mem", "r+b", buffering=0) as file:
                file.seek(value.data_ptr())
                file.write(bytes(value.nbytes))
            world.zero = True


def twist(result, world):
    ours = getattr(world, "zero", False) and getattr(result, "ndim", 0) == 1
    return result * 0 if ours and not result.is_floating_point() else result
