"""See that the candidate loads; all else happens where it is scored. There is no artefact."""

import json

import kit_score
from kit_settings import PROBED, WORKLOADS


def warm():
    """Import what score.py imports."""
    kit_score.warm()


def run(request, guest):
    """Nothing for each seed; for a probe what the candidate scores on a seed that all may know."""
    asked = json.loads(request)
    seeds = [asked["probe"]] if "probe" in asked else asked["seeds"]
    kit_score.begin(guest, seeds[0], "train")
    if "probe" not in asked:
        return kit_score.whole([b"" for _ in seeds])
    text = guest.ask(b"text\n")
    if not PROBED:
        return text
    asker = kit_score.Asker(guest)
    scores = kit_score.scores(asker.call, asker, asked["probe"], list(WORKLOADS))
    kit_score.say_memory(guest)
    return asker.answers.digest() + json.dumps(scores).encode()
