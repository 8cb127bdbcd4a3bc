"""Have the candidate train on what score.py hands out; the artefact is its weights."""

import json

import kit_score
from kit_settings import PROBED, WORKLOADS


def warm():
    """Import what score.py imports."""
    kit_score.warm()


def run(request, guest):
    """Weights seed by seed; for a probe also what they score, on data that anybody may know."""
    asked = json.loads(request)
    if "probe" in asked:
        return probe(asked["probe"], guest)
    return kit_score.whole([train(guest, seed) for seed in asked["seeds"]])


def train(guest, seed, tiny=False):
    """The weights of one seed, as the candidate packed them."""
    kit_score.begin(guest, seed, "train")
    return guest.ask(b"train\n" + kit_score.training(seed, tiny))


def probe(seed, guest):
    """Train and score once, where a trial is no longer than a smoke test may be."""
    if not PROBED and not kit_score.has("tiny"):
        kit_score.begin(guest, seed, "train")
        return guest.ask(b"text\n")
    weights = train(guest, seed, tiny=True)
    guest.ask(b"keep\n" + weights)
    asker = kit_score.Asker(guest)
    scores = kit_score.scores(asker.predict, asker, seed, list(WORKLOADS))
    kit_score.say_memory(guest)
    return weights + asker.answers.digest() + json.dumps(scores).encode()
