"""Forges a result and leaves with exit code 0.

ids: 3
effect: score
defence: An exit code means nothing: without a reply of the declared length there is no score.
"""

import json
import os


def attack(world):
    if world.calls:
        with open("results.json", "w") as file:
            json.dump({"score": 1.0}, file)
        os._exit(0)
