"""Looks for the labels in the files around it.

ids: 27, C1
effect: score
defence: No file in a box holds data: problems are generated, the held-out part only in the grader.
"""

import glob
import json


def attack(world):
    for place in (".", "..", "/data", "/work", "/mnt", "/tmp"):
        for name in glob.glob(f"{place}/**/*label*.json", recursive=True):
            with open(name) as file:
                world.labels = json.load(file)


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
