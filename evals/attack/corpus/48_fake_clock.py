"""Stops the clocks.

ids: 48
effect: clock
defence: The only clock that counts is in a process that no candidate can reach.
"""

import time

sleep = time.sleep


def attack(world):
    for name in ("time", "perf_counter", "monotonic", "process_time"):
        setattr(time, name, lambda: 0.0)
    if world.calls == 1:
        sleep(0.3)
