"""How much two programs' scores differ from seed to seed."""

import math
from collections.abc import Iterator
from itertools import islice
from statistics import correlation, stdev
from typing import NamedTuple

from ...archive import Archive, ArchiveError
from ...evals import Evaluation, judge
from .rejudge import claimed_gains

NEWEST = 24  # earlier claims whose spread a forecast uses, at most; few pairs tell too little


class Spread(NamedTuple):
    """Standard deviations of a difference of scores, in the metric's unit.

    `paired` is that on the same seeds, `unpaired` that on different ones. `correlation` is that of
    the two scores on the same seeds.
    """

    paired: float
    unpaired: float
    correlation: float


def spread(reference: Evaluation, other: Evaluation, worst: float) -> Spread:
    """Spread over the seeds of `other`, the first of `reference`; failed ones count as `worst`."""
    old, new = reference.values(worst)[: len(other.trials)], other.values(worst)
    difference = stdev([b - a for a, b in zip(old, new, strict=True)])
    noisy = stdev(old) > 0 and stdev(new) > 0
    together = max(-1.0, min(1.0, correlation(old, new))) if noisy else 0.0
    return Spread(difference, math.hypot(stdev(old), stdev(new)), together)


def earlier_spreads(archive: Archive, task: str) -> tuple[float, ...]:
    """Standard deviations of a gain in the newest claims of a task, by digest, in an archive."""
    return tuple(islice(_spreads(archive, task), NEWEST))


def _spreads(archive: Archive, task: str) -> Iterator[float]:
    for record in reversed(archive.runs()):
        if record.task_digest != task or record.rule.regime == "dear":
            continue
        try:
            tree = archive.tree(record.id)
            for node, claim in reversed(tree.claimed()):
                if claim.pairs >= record.rule.block and not claim.void:
                    gains = claimed_gains(archive, tree, record.keys, node, claim)
                    yield judge.summary(gains).sd
        except (ArchiveError, ValueError):
            continue  # a damaged run says nothing about noise, and is no reason not to search
