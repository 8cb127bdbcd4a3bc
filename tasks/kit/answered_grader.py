"""Score what the candidate's functions answer, with score.py and a sealed seed."""

import kit_score


def warm():
    """Import what score.py imports."""
    kit_score.warm()


def run(request, guest):
    """Scores, or why there are none."""

    def score(nothing, sealed, workloads):
        kit_score.begin(guest, sealed, "predict")
        asker = kit_score.Asker(guest)
        return kit_score.scores(asker.call, asker, sealed, workloads)

    return kit_score.graded(request, score)
