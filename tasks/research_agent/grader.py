"""Run what each search ended with on sealed copies of its problem, and score the gain.

A score is the mean gain over the start program, in nats, as a share of what a program known to be
good gains on average: 0 is the start, 1 that program. It lies in [-1, 2]. The start runs here, in
the trusted process, and what an agent's search ended with in a process of its own, which gets
gradients and sights and no problem. A program that fails scores 0, as if nothing had been found.
"""

import json

import families
import torch
import worlds
from stepper import Refused, Remote, Stepper

REPLICATES = 48
LOWEST, HIGHEST = -1.0, 2.0
LONGEST = 20_000


def run(request: bytes, guest) -> bytes:
    """Score the programs that follow the first line of the request."""
    line, _, artefact = request.partition(b"\n")
    asked = json.loads(line)
    texts = read(artefact, len(asked["workloads"]), len(asked["seeds"]))
    if texts is None:
        return json.dumps({"invalid": "the artefact is not a program for every search"}).encode()
    scores = {
        workload: [
            score(guest, workload, *each)
            for each in zip(row, asked["seeds"], asked["sealed"], strict=True)
        ]
        for workload, row in zip(asked["workloads"], texts, strict=True)
    }
    return json.dumps({"scores": scores}).encode()


def read(artefact: bytes, workloads: int, seeds: int) -> list[list[str]] | None:
    """The programs by workload and seed; None if these are not what they are."""
    try:
        found = json.loads(artefact)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or len(found) != workloads:
        return None
    for row in found:
        if not isinstance(row, list) or len(row) != seeds:
            return None
        if not all(isinstance(text, str) and len(text) <= LONGEST for text in row):
            return None
    return found


@torch.no_grad()
def score(guest, workload: str, text: str, seed: int, sealed: int) -> float:
    """The normalised gain of one program on sealed copies of the problem of `seed`."""
    problem = families.instance(workload, worlds.of_run(seed, workload))
    family = problem.family

    def losses(rule: worlds.Rule) -> torch.Tensor:
        return problem.losses(rule, worlds.generator(sealed, workload), REPLICATES)

    base = losses(Stepper(family.start, family.function).step)
    try:
        gains = base - losses(Remote(guest, text, family.function))
    except Refused:
        return 0.0
    return min(HIGHEST, max(LOWEST, gains.mean().item() / family.reference))


def warm() -> None:
    """Load what torch loads lazily, so that jobs are born with it."""
    for workload in families.FAMILIES:
        families.instance(workload, 0).losses(lambda x, _: -0.01 * x, worlds.generator(0), 2)
