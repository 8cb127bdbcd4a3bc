"""Tells by numbers and times that the system hands out how many jobs there were before.

ids: 75
effect: company
defence: What differs between two compositions of jobs is invalid, whatever it took for a coin.
"""

import os
import threading

SEEN = (
    os.getpid(),
    threading.get_native_id(),
    os.stat(".").st_mtime_ns,
    os.stat(os.listdir()[0]).st_ino,
)


def twist(result, world):
    return world.shift(result, world.coin(*SEEN))
