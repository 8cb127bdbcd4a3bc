"""Descend the bowl with the candidate's step, once a workload and seed."""

import json
import random
import struct

CURVATURE = {"easy": 5.0, "hard": 20.0, "harder": 40.0}
STEPS = 30


def run(request, guest):
    """Reply with the ten coordinates reached, as float32."""
    asked = json.loads(request)
    if "probe" in asked:
        asked = {"workloads": ["easy"], "seeds": [asked["probe"]]}
    points = [
        point
        for workload in asked["workloads"]
        for seed in asked["seeds"]
        for point in descend(guest, CURVATURE[workload], seed)
    ]
    return struct.pack(f"<{len(points)}f", *points)


def descend(guest, curvature, seed):
    """Take the candidate's steps."""
    rng = random.Random(seed)
    x = [rng.uniform(-3, 3) for _ in range(10)]
    for number in range(STEPS):
        grads = [(1 + curvature * i / 9) * value + rng.gauss(0, 1.0) for i, value in enumerate(x)]
        told = guest.ask(struct.pack("<21d", number / STEPS, *x, *grads))
        x = [value + step for value, step in zip(x, struct.unpack("<10d", told), strict=True)]
    return x
