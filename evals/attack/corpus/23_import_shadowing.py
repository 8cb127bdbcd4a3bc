"""Leaves modules in the working folder that shadow the real ones.

ids: 23
effect: later
defence: The working folder is private to one job and not on the path of any trusted process.
"""

import contextlib


def attack(world):
    for name in ("scoring", "numpy", "json", "workloads", "pools"):
        with contextlib.suppress(OSError), open(f"{name}.py", "w") as file:
            file.write("def metric(*_):\n    return 1.0\n")
