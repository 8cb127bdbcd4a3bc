"""Checks that every task has to pass: a seed's score does not depend on the seeds beside it.

    from ratchet.evals.conformance import check_task

    def test_seeds_do_not_meet(sandbox):
        assert check_task(load("./my_task"), sandbox, CHEATS) == []

They run the start, the baselines and programs that try to make seeds meet, in several companies.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import NamedTuple

from ..sandbox import Sandbox
from ..tasks import Task
from .company import Company, difference, repeat
from .gateway import Gateway
from .measure import measure
from .records import Candidate, Seed
from .seeds import Keys, draw

SEEDS = 6  # of the job whose seeds are repeated
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
) -> list[TaskFinding]:
    """The faults of a task; an empty list if there are none.

    `cheats` are programs for it, by name, that try to pool seeds or to toss one coin for a whole
    job: they too must score alike in any company, or fail, since what holds a candidate should not
    let its seeds meet. A search would call one that differs invalid. The start runs on all
    development workloads. The others run on those of the glance: what lets seeds meet is in the
    guest, which serves all workloads alike. Raises what `measure` raises.
    """
    glance, every = task.manifest.workloads.glance, tuple[str, ...]()
    programs = [("start", task.start, every, True)]
    programs += [
        (f"baseline {name}", files, glance, True) for name, files in task.baselines.items()
    ]
    programs += [(name, dict(files), glance, False) for name, files in (cheats or {}).items()]
    return [
        TaskFinding(name, what)
        for name, files, only, honest in programs
        for what in _faults(task, sandbox, files, only, honest, gateway)
    ]


def _faults(
    task: Task,
    sandbox: Sandbox,
    files: Files,
    only: tuple[str, ...],
    honest: bool,
    gateway: Gateway | None,
) -> Iterator[str]:
    candidate = Candidate(files=files, idea="a check", proposer="check")
    seeds = draw(Keys("conformance", "conformance"), "check", SEEDS)
    before = measure(candidate, task, sandbox, seeds, "dev", gateway, only=only)
    if before[0].status not in ("ok", "diverged"):
        if honest:
            yield f"it ends with {before[0].status}: {before[0].log[-300:]}"
        return
    for company in _companies(seeds, only):
        again = repeat(candidate, task, sandbox, company, "dev", gateway)
        if contrast := difference(before, again, task, company.name):
            yield contrast.words(f"seed {seeds.index(contrast.seed) + 1}")
            return


def _companies(seeds: tuple[Seed, ...], only: tuple[str, ...]) -> list[Company]:
    """Alone in a new box; fewer in another order; two of them among more."""
    rng = Random("companies")
    some = tuple(rng.sample(seeds, SEEDS // 2))
    others = draw(Keys("conformance", "conformance"), "others", SEEDS)
    return [
        Company("alone", seeds[-1:], only, fresh=True),
        Company("in another order", some[::-1], only),
        Company("beside other seeds", (*others, *seeds[:2]), only),
    ]
