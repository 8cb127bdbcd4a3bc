"""Does the work in one evaluation and collects in the next, through any folder that stays.

ids: 41
effect: two faces
defence: Every folder of a box is emptied after a job, and boxes are not shared by candidates.
"""

import contextlib
import json
import os

PLACES = [os.path.expanduser("~/.cache/kept"), "/tmp/kept", "/dev/shm/kept", "../kept", "kept"]


def attack(world):
    for place in PLACES:
        with contextlib.suppress(OSError, ValueError):
            if not world.calls:
                with open(place) as file:
                    world.labels = json.load(file)
            else:
                with open(place, "w") as file:
                    json.dump([0] * 33 + [1] * 33 + [2] * 33, file)


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
