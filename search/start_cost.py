"""How much CPU time the starting program takes, from which every candidate's share follows.

It is read off the start's archived trials, so that a resumed run, a replay and a copy of the
archive elsewhere all come to the same figure.
"""

from statistics import fmean
from typing import NamedTuple

from ..archive import Archive, ArchiveError, Evidence
from ..evals import Evaluation, Split, draw

FIXED_SHARE = 4  # even a job of one seed counts as a quarter of a full job: some work is fixed


class StartCost(NamedTuple):
    """CPU seconds of the start per seed, in jobs of `seeds` seeds."""

    seconds: float
    seeds: int

    @classmethod
    def of(cls, start: Evaluation, seeds_per_job: int) -> "StartCost":
        """The cost that the start's trials show."""
        seconds = fmean(trial.seconds for trial in start.trials)
        return cls(seconds, min(seeds_per_job, len(start.trials)))

    def job(self, seeds: int) -> float:
        """CPU seconds of the start in a job of `seeds` seeds, of which a part is fixed."""
        return self.seconds * max(seeds, self.seeds / FIXED_SHARE)


def archived(archive: Archive, run_id: str, seeds_per_job: int) -> dict[Split, StartCost]:
    """The start's cost on the first split that a run measured it on; empty if on none."""
    keys, tree = archive.run(run_id).keys, archive.tree(run_id)
    evidence: tuple[Evidence, ...] = tree[0].evidence if len(tree) else ()
    for reading in evidence:
        try:
            seeds = draw(keys, reading.stream, reading.count)
            start = archive.evaluation(tree[0], reading.stream, seeds, reading.split)
        except ArchiveError:
            continue
        return {reading.split: StartCost.of(start, seeds_per_job)}
    return {}


def start_seconds(costs: dict[Split, StartCost], split: Split, seeds: int) -> float:
    """CPU seconds of the start in a job of `seeds` seeds, or 0 if it was not measured.

    A glance takes a part of the development workloads, and may take as long as all of them.
    """
    cost = costs.get(split) or (costs.get("dev") if split == "glance" else None)
    return cost.job(seeds) if cost else 0.0
