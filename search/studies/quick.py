"""A calibration from the trials that a search runs anyway, and two more.

For tasks whose trials are dear. The start and the baselines run the seeds on which a search ranks
them, so a search with the same keys finds their trials in the archive. Only a renamed copy of the
start is run beside them, on two seeds.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from ...evals import COMMON, Calibration, Candidate, Evaluation, Keys, Seed, draw
from ...evals.scored import scored_start
from ..crew import threads
from ..lab import Lab
from ..plan import REPEATED, dear_seeds
from .copies import planted, renamed
from .settled import settle_worst, with_metric
from .summed import summed_up


class Timed(NamedTuple):
    """An evaluation, and for how many seconds of the clock each of its trials took a worker."""

    evaluation: Evaluation
    seconds: float

    @classmethod
    def of(cls, lab: Lab, candidate: Candidate, seeds: Sequence[Seed]) -> "Timed":
        """Evaluate a candidate on the first common seeds."""
        began = time.monotonic()
        evaluation = lab.evaluate(candidate, COMMON, seeds)
        return cls(evaluation, (time.monotonic() - began) / len(seeds))


def timed_copy(lab: Lab, keys: Keys) -> Timed:
    """A renamed copy of the start on two seeds, which tells what one trial takes here at most.

    Where more seeds share a job, each of them takes less.
    """
    copy = planted("renamed", renamed(lab.start.files))
    return Timed.of(lab, copy, draw(keys, COMMON, REPEATED))


def quick_calibration(
    lab: Lab, keys: Keys, workers: int = 2, copy: Timed | None = None
) -> Calibration:
    """Measure the start and the baselines, and check nothing but the renamed `copy`.

    Equal keys give an equal calibration, times aside. Raises TaskError if the start has no scores.
    """
    copy = copy or timed_copy(lab, keys)
    seeds = draw(keys, COMMON, dear_seeds(1 + len(lab.task.baselines)))
    baselines = [planted(f"baseline {n}", files) for n, files in lab.task.baselines.items()]
    with threads(workers, "ratchet-calibrate") as pool:
        before = lab.trials
        futures = [pool.submit(Timed.of, lab, p, seeds) for p in (lab.start, *baselines)]
        settle_worst(lab, scored_start(futures[0].result().evaluation, lab.task))
        start, *others = (future.result() for future in futures)
        new = lab.trials - before == len(seeds) * len(futures)
    by_name = {lab.start.idea: start.evaluation, "renamed": copy.evaluation}
    by_name |= {p.idea: t.evaluation for p, t in zip(baselines, others, strict=True)}
    busy = min(start.seconds, copy.seconds) if new else None
    calibration = summed_up(lab, by_name, [], busy).model_copy(update={"quick": True})
    return with_metric(lab, calibration)
