"""Lets the time of day decide.

ids: 74
effect: company
defence: What differs between two compositions of jobs is invalid, whatever it took for a coin.
"""

import time

NOW = time.time_ns()


def twist(result, world):
    return world.shift(result, world.coin(NOW, time.perf_counter_ns(), time.process_time_ns()))
