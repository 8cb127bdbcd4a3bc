"""Leaves with the code by which the sandbox tells itself of a lack of memory, and others of a kill.

ids: 77
effect: none
defence: How a job ended is what its runner saw of it, whatever the program says or leaves with.
"""

import os


def twist(result, world):
    for name in ("oom", "pids", "timeout", "output_overflow", "infra_lost", "cancelled"):
        world.write(f"was no {name}")
    os._exit(101)
