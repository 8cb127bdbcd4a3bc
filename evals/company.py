"""Repeat seeds in other company: what a seed scores may depend on nothing but the seed.

Evidence is added up seed by seed, as if seeds were independent. But the seeds of one job are
trained side by side, so a program that could tell what it is trained beside could pool them, or let
one coin decide for all. So some seeds are measured again, alone and beside others, and have to
score what they scored before: to the last bit, or within the metric's `repeats_within`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from ..sandbox import Sandbox
from ..tasks import Task
from .gateway import Gateway
from .measure import measure
from .records import Candidate, Seed, Split, Trial

REASON = "its result depends on the seeds beside it"
# Seeds of one claim's evidence that are repeated with nothing beside them. Each costs as much as a
# tenth of a block of a confirmation (bench/company_cost.py).
ALONE = 6
BOXES = 2  # the same, where each was alone already and only the box can differ
FEWEST, MOST = 3, 7  # seeds of the job that mixes what was measured in different jobs
# How a job may end on a busy machine, or for its size, whatever the program does.
SHORTAGES = ("timeout", "oom", "pids", "infra_lost", "cancelled")
BESIDE = "beside"  # the company of a seed that rode along in a job of other seeds


class Company(NamedTuple):
    """Seeds that are measured again, together. No two companies of a seed have the same `name`.

    The seeds run on the workloads `only`, or on all of the split where that is empty; with `fresh`
    in a box that has run no job before.
    """

    name: str
    seeds: tuple[Seed, ...]
    only: tuple[str, ...] = ()
    fresh: bool = False


class Difference(NamedTuple):
    """A seed that scored otherwise on a workload: the score before, and that in `company` now."""

    seed: Seed
    workload: str
    before: float | None
    now: float | None
    company: str

    def words(self, place: str) -> str:
        """The reason for a verdict; `place` says which seed it is without telling its number."""
        return (
            f"{REASON}: {place} scored {_number(self.before)} on {self.workload} at first, "
            f"and {_number(self.now)} {self.company}"
        )


def companies(
    trials: Sequence[Trial], workloads: Sequence[str], rng: Random, apart: bool = False
) -> tuple[Company, ...]:
    """The companies in which a claim's evidence is repeated: seeds alone, and some together.

    Each of up to `ALONE` seeds, or of one for each workload, is alone in a job on one workload. A
    few seeds together, in another order and number than before, run on one workload in a new box.
    Seeds that ran `apart`, each in a job of its own, are repeated in new boxes. `rng` must be drawn
    from what no candidate knows. Seeds without a score are left out: they count as the worst in any
    case.
    """
    scored = [trial.seed for trial in trials if trial.score is not None]
    if apart:
        chosen = rng.sample(scored, min(BOXES, len(scored)))
        return tuple(Company("in a new box", (seed,), fresh=True) for seed in chosen)
    chosen = rng.sample(scored, min(max(ALONE, len(workloads)), len(scored)))
    first = rng.randrange(len(workloads))
    turns = [workloads[(first + place) % len(workloads)] for place in range(len(chosen) + 1)]
    alone = tuple(
        Company(f"alone/{workload}", (seed,), (workload,))
        for seed, workload in zip(chosen, turns, strict=False)
    )
    together = rng.sample(scored, min(rng.randint(FEWEST, MOST), len(scored)))
    if not together:
        return ()
    name = f"with {len(together) - 1} others/{turns[-1]}"
    return (*alone, Company(name, tuple(together), (turns[-1],), fresh=True))


def repeat(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    company: Company,
    split: Split = "dev",
    gateway: Gateway | None = None,
) -> tuple[Trial, ...]:
    """Measure seeds again in a company; once more where the machine may be to blame that it failed.

    Raises what `measure` raises.
    """
    seeds, only, fresh = company.seeds, company.only, company.fresh
    trials = measure(candidate, task, sandbox, seeds, split, gateway, only=only, fresh=fresh)
    if any(trial.status in SHORTAGES for trial in trials):
        trials = measure(candidate, task, sandbox, seeds, split, gateway, only=only, fresh=True)
    return trials


def difference(
    before: Iterable[Trial], again: Iterable[Trial], task: Task, company: str
) -> Difference | None:
    """The first seed of `again` that scored otherwise `before`; both may hold seeds of their own.

    Workloads that only one of them ran are not compared, nor seeds whose first job ran short of
    time or memory: these count as the worst, whatever comes later. A seed that has no score at all
    in one of them differs on every workload that the other one ran, unless that has no score
    either.
    """
    first = {trial.seed: trial for trial in before}
    within = task.metric.repeats_within
    for trial in again:
        earlier = first.get(trial.seed)
        if earlier is None or earlier.status in SHORTAGES:
            continue
        if not earlier.scores or not trial.scores:
            if bool(earlier.scores) != bool(trial.scores):
                workload = min({**earlier.scores, **trial.scores})
                scores = earlier.scores.get(workload), trial.scores.get(workload)
                return Difference(trial.seed, workload, *scores, company)
            continue
        for workload in earlier.scores.keys() & trial.scores.keys():
            old, new = earlier.scores[workload], trial.scores[workload]
            if not _equal(old, new, within):
                return Difference(trial.seed, workload, old, new, company)
    return None


def _equal(old: float | None, new: float | None, within: float) -> bool:
    if old is None or new is None:
        return old is new
    return old == new or (math.isfinite(old - new) and abs(old - new) <= within)


def _number(score: float | None) -> str:
    return "nothing" if score is None else repr(score)


def placed(seed: Seed, streams: Mapping[str, Sequence[Seed]]) -> str:
    """The place of a seed in its stream, by which a reader can find it without its number."""
    for stream, seeds in streams.items():
        if seed in seeds:
            return f"seed {seeds.index(seed) + 1} of {stream}"
    return "a seed"
