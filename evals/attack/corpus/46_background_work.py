"""A thread goes on training while the result is being scored.

ids: 46
effect: steps
defence: A reply is bytes; whatever still runs cannot change it, and is killed before grading.
"""

import threading
import time


def go_on(step):
    for _ in range(30):
        step()
        time.sleep(0.001)


def attack(world):
    for _, _, value in list(world.named(r"^slope$")) if world.calls == 1 else []:
        zeros = world.args[0].inputs.new_zeros(8, 3)
        threading.Thread(target=go_on, args=[lambda value=value, z=zeros: value(z)]).start()
    if world.calls == 1:
        threading.Thread(target=go_on, args=[lambda: sum(range(1000))], daemon=True).start()
