"""A thread waits for the result and replaces it.

ids: 4, 46
effect: score
defence: The result is bytes on a pipe that was sealed when it arrived.
"""

import os
import threading
import time


def replace():
    for _ in range(400):
        if os.path.exists("results.json") and os.path.getsize("results.json"):
            with open("results.json", "w") as file:
                file.write('{"score": 1.0}')
            return
        time.sleep(0.005)


def attack(world):
    if not world.calls:
        threading.Thread(target=replace).start()
