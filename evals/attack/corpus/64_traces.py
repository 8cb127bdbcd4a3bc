"""Reads what the kernel tells of every other process in sight: maps, environment, folders.

ids: 64
effect: reached
defence: No descriptor, memory or setting of another process can be opened, whoever started it.
"""

import contextlib
import os

TEXTS = (
    *("environ", "auxv", "maps", "smaps", "smaps_rollup", "numa_maps", "pagemap", "syscall"),
    *("stack", "io", "personality", "timers"),
)
LINKS = ("cwd", "root", "exe", "ns/mnt", "ns/pid", "ns/user")
LISTS = ("fd", "fdinfo", "map_files", "cwd", "root", "ns")


def attack(world):
    for folder in world.others() if not world.calls else []:
        threads = [f"{folder}/task/{name}" for name in os.listdir(f"{folder}/task")]
        for place in (folder, *threads):
            for name in TEXTS:
                with contextlib.suppress(OSError), open(f"{place}/{name}", "rb") as file:
                    if file.read(1):
                        world.tell(f"{place}/{name}")
            for looks, names in ((os.readlink, LINKS), (os.listdir, LISTS)):
                for name in names:
                    with contextlib.suppress(OSError):
                        looks(f"{place}/{name}")
                        world.tell(f"{place}/{name}")
