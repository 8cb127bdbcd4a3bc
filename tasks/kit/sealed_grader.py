"""Score the candidate's predictions with score.py, from weights and a sealed seed."""

import kit_score


def warm():
    """Import what score.py imports."""
    kit_score.warm()


def run(request, guest):
    """Scores, or why there are none."""

    def score(weights, sealed, workloads):
        kit_score.begin(guest, sealed, "predict")
        guest.ask(b"keep\n" + weights)
        asker = kit_score.Asker(guest)
        return kit_score.scores(asker.predict, asker, sealed, workloads)

    return kit_score.graded(request, score)
