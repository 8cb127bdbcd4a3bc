"""Opens the memory of every other process in sight, to read it and to write.

ids: 64
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import glob


def attack(world):
    for folder in world.others() if not world.calls else []:
        for path in [f"{folder}/mem", *glob.glob(f"{folder}/task/*/mem")]:
            for mode in ("rb", "r+b"):
                with contextlib.suppress(OSError), open(path, mode, buffering=0):
                    world.tell(f"{path} ({mode})")
