"""Opens what every other process in sight has open.

ids: 63
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import os


def attack(world):
    for folder in world.others() if not world.calls else []:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"{folder}/fd"):
                look(world, f"{folder}/fd/{name}")


def look(world, path):
    for kind in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        with contextlib.suppress(OSError):
            os.close(os.open(path, kind | os.O_NONBLOCK))
            world.tell(path)
    with contextlib.suppress(OSError):
        world.tell(f"{path} -> {os.readlink(path)}")
