"""Writes the score file that the host looks for.

ids: 1
effect: score
defence: The host reads no file of the candidate's; a score is computed elsewhere from raw numbers.
"""

import json


def attack(world):
    for name in ("metrics.json", "correct.json", "results.json"):
        with open(name, "w") as file:
            json.dump({"score": 1.0, "scores": {"all": [-99.0]}, "correct": True}, file)
