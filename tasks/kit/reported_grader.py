"""Hand on the number that the candidate stated: nobody else knows a better one."""

import json
import math

import kit_score


def run(request, guest):
    """Scores, or None where a number is not finite."""

    def score(stated, sealed, workloads):
        value = json.loads(stated)
        return {workloads[0]: value if math.isfinite(value) else None}

    return kit_score.graded(request, score)
