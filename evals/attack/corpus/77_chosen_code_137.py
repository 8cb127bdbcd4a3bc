"""Leaves with the code by which shells tell of a killed program.

ids: 77
effect: retry
defence: How a job ended is what its runner saw of it, whatever the program says or leaves with.
"""

import os


def twist(result, world):
    for name in ("oom", "pids", "timeout", "output_overflow", "infra_lost", "cancelled"):
        world.write(f"was no {name}")
    os._exit(137)
