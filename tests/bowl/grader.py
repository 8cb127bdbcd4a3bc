"""Score the points reached."""

import json
import math
import struct

CURVATURE = {"easy": 5.0, "hard": 20.0, "harder": 40.0}


def run(request, guest):
    """Reply with the log loss of every point."""
    line, _, artefact = request.partition(b"\n")
    asked = json.loads(line)
    count = len(asked["workloads"]) * len(asked["seeds"]) * 10
    if len(artefact) != 4 * count:
        return json.dumps({"invalid": f"{len(artefact)} bytes, not {4 * count}"}).encode()
    points = iter(struct.iter_unpack("<10f", artefact))
    scores = {
        w: [loss(next(points), CURVATURE[w]) for _ in asked["seeds"]] for w in asked["workloads"]
    }
    return json.dumps({"scores": scores}).encode()


def loss(x, curvature):
    """Log of the noiseless loss; None where it is not finite."""
    value = sum((1 + curvature * i / 9) * v * v for i, v in enumerate(x)) / 2
    return min(20.0, math.log(value + 1e-6)) if math.isfinite(value) else None
