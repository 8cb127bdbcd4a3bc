"""Checks that every task has to pass: seeds are apart, and a failed one weighs no more than it may.

    from ratchet.evals.conformance import check_task

    def test_seeds_do_not_meet(sandbox):
        assert check_task(load("./my_task"), sandbox, CHEATS) == []

A seed's score may not depend on the seeds beside it: the start, the baselines and programs that try
to make seeds meet run in several companies. And the metric's `worst` has to lie beyond usual scores
on every workload, but not so far that one failed seed decides what many others say.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from statistics import fmean, median, stdev
from typing import NamedTuple

from ..sandbox import Sandbox
from ..tasks import Task
from .calibration import HEAVIEST
from .company import Company, difference, repeat
from .gateway import Gateway
from .measure import measure
from .records import Candidate, Seed, Trial
from .seeds import Keys, draw

KEYS = Keys("conformance", "conformance")
SEEDS = draw(KEYS, "check", 6)  # of the job whose seeds are repeated
Files = Mapping[str, str]


class TaskFinding(NamedTuple):
    """A program whose seeds depend on each other, or that cannot be measured, and how."""

    program: str
    what: str


def check_task(
    task: Task,
    sandbox: Sandbox,
    cheats: Mapping[str, Files] | None = None,
    gateway: Gateway | None = None,
    elsewhere: Sandbox | None = None,
) -> list[TaskFinding]:
    """The faults of a task; an empty list if there are none.

    `cheats` are programs for it, by name, that try to pool seeds or to toss one coin for a whole
    job: they too must score alike in any company, or fail, since what holds a candidate should not
    let its seeds meet. A search would call one that differs invalid. The start runs on all
    development workloads. The others run on those of the glance: what lets seeds meet is in the
    guest, which serves all workloads alike. A `worst` that is no worse than usual scores, or more
    than 20 spreads of a gain away from them, is a fault too.

    A seed of each program also runs alone in a new box. With `elsewhere`, a second sandbox, it runs
    there, which is quicker: all programs share its boxes. Raises what `measure` raises.
    """
    glance, every = task.manifest.workloads.glance, tuple[str, ...]()
    programs = [("start", task.start, every, True)]
    programs += [
        (f"baseline {name}", files, glance, True) for name, files in task.baselines.items()
    ]
    programs += [(name, dict(files), glance, False) for name, files in (cheats or {}).items()]
    findings, scored = list[TaskFinding](), dict[str, tuple[Trial, ...]]()
    for name, files, only, honest in programs:
        check = _Check(task, sandbox, files, only, honest, gateway, elsewhere)
        trials = check.measured()
        findings += [TaskFinding(name, what) for what in check.faults(trials)]
        if honest:
            scored[name] = trials
    return [*findings, *(TaskFinding("start", what) for what in _worst(task, scored))]


class _Check(NamedTuple):
    """A program to be checked."""

    task: Task
    sandbox: Sandbox
    files: Files
    only: tuple[str, ...]
    honest: bool
    gateway: Gateway | None
    elsewhere: Sandbox | None

    @property
    def candidate(self) -> Candidate:
        return Candidate(files=self.files, idea="a check", proposer="check")

    def measured(self) -> tuple[Trial, ...]:
        """Its trials on the seeds that are repeated."""
        return measure(
            self.candidate, self.task, self.sandbox, SEEDS, "dev", self.gateway, only=self.only
        )

    def faults(self, before: Sequence[Trial]) -> Iterator[str]:
        """How its seeds depend on each other."""
        if before[0].status not in ("ok", "diverged"):
            if self.honest:
                yield f"it ends with {before[0].status}: {before[0].log[-300:]}"
            return
        for company in _companies(SEEDS, self.only):
            again = self.repeated(company)
            if contrast := difference(before, again, self.task, company.name):
                yield contrast.words(f"seed {SEEDS.index(contrast.seed) + 1}")
                return

    def repeated(self, company: Company) -> tuple[Trial, ...]:
        """Its trials in a company."""
        sandbox = self.sandbox
        if company.fresh and self.elsewhere is not None:
            sandbox, company = self.elsewhere, company._replace(fresh=False)
        return repeat(self.candidate, self.task, sandbox, company, "dev", self.gateway)


def _worst(task: Task, scored: Mapping[str, Sequence[Trial]]) -> Iterator[str]:
    """Whether `worst` lies beyond the usual scores of every workload, and near enough to them.

    Distances are counted on the workloads of the glance, in spreads of a gain over a baseline.
    A task may leave `worst` to a calibration, which puts it there.
    """
    if task.manifest.metric.worst is None:
        return
    metric, start = task.metric, scored["start"]
    for workload in task.manifest.workloads.dev:
        usual = [score for trial in start if (score := trial.scores.get(workload)) is not None]
        if usual and metric.gain(fmean(usual), metric.worst) <= 0:
            yield (
                f"its usual score on {workload}, {fmean(usual):.3g}, is no better than worst, "
                f"{metric.worst:g}: set worst beyond what is usual on any workload"
            )
    own = _on(start, task.manifest.workloads.glance)
    rows = [_on(trials, task.manifest.workloads.glance) for trials in scored.values()]
    gains = [
        [b - a for a, b in zip(own, row, strict=True) if a is not None and b is not None]
        for row in rows[1:]
    ]
    spreads = [stdev(row) for row in gains if len(row) > 2 and stdev(row) > 0]
    present = [score for score in own if score is not None]
    if not spreads or not present:
        return
    heavy = abs(metric.worst - fmean(present)) / median(spreads)
    if heavy > HEAVIEST:
        yield (
            f"one failed seed weighs as much as {heavy:.0f} spreads of a gain, more than "
            f"{HEAVIEST:.0f}: set worst, now {metric.worst:g}, nearer to what a bad run scores"
        )


def _on(trials: Sequence[Trial], workloads: Sequence[str]) -> list[float | None]:
    """The mean score of each seed over these workloads; None where one is missing."""
    rows = [[trial.scores.get(name) for name in workloads] for trial in trials]
    present = [[score for score in row if score is not None] for row in rows]
    return [fmean(row) if len(row) == len(workloads) else None for row in present]


def _companies(seeds: tuple[Seed, ...], only: tuple[str, ...]) -> list[Company]:
    """Alone in a new box; fewer in another order; two of them among more."""
    rng = Random("companies")
    some = tuple(rng.sample(seeds, len(seeds) // 2))
    others = draw(KEYS, "others", len(seeds))
    return [
        Company("alone", seeds[-1:], only, fresh=True),
        Company("in another order", some[::-1], only),
        Company("beside other seeds", (*others, *seeds[:2]), only),
    ]
