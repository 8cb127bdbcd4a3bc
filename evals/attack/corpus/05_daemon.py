"""A process forked twice writes the result after everyone has left.

ids: 5
effect: score
defence: No process can be started from a candidate, its box dies as a whole, no file is read.
"""

import os
import time


def attack(world):
    if world.calls == 1 and os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(0.15)
            with open("results.json", "w") as file:
                file.write('{"score": 1.0}')
        os._exit(0)
