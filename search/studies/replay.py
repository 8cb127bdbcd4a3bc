"""Run an archived node again, from the archive alone, and say whether it still holds."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from ...archive import Archive, Node
from ...evals import (
    Candidate,
    Evaluation,
    Gateway,
    Keys,
    Seed,
    Split,
    Trial,
    draw,
    fresh_key,
    measure,
)
from ...evals.company import companies, difference, placed, repeat
from ...sandbox import Sandbox
from ...tasks import Frozen, Task, TaskError, load
from ..lab import describe, seeds_per_job
from ..start_cost import StartCost, archived, start_seconds

ReplayOutcome = Literal["REPRODUCED", "DRIFTED", "FAILED"]


class Replay(Frozen):
    """The result of a replay. `differences` lists what has changed: versions, machine, task.

    `identical` counts bit-identical scores and `largest` is the largest difference between an old
    score and a new one; both are None where the seeds were new ones.
    """

    node: str
    outcome: ReplayOutcome
    reason: str
    seeds: int
    identical: int | None = None
    largest: float | None = None
    differences: tuple[str, ...] = ()


def replay(
    node: Node, archive: Archive, sandbox: Sandbox, gateway: Gateway | None = None
) -> Replay:
    """Repeat every archived trial of `node` on its recorded seeds and compare score by score.

    Bit-identical scores are REPRODUCED anywhere. Under another environment a mean within the
    metric's `minimum_gain` is too; under the same one it has DRIFTED. A program that no longer
    gives any score has FAILED, and one whose scores depend on the seeds beside it has DRIFTED. A
    node that was measured without isolation, and is reproduced with it, is recorded as validated; a
    kept one that was never repeated in other company is recorded as checked.
    """
    task = archive.task(node.run)
    keys = archive.run(node.run).keys
    conditions = _Conditions.of(archive, node.run, sandbox, gateway)
    old: list[Trial] = []
    new: list[Trial] = []
    measured: dict[tuple[str, Split], Sequence[Trial]] = {}
    for evidence in node.seeds_run:
        seeds = draw(keys, evidence.stream, evidence.count)
        old += archive.evaluation(node, evidence.stream, seeds, evidence.split).trials
        again = conditions.measure(node.candidate, seeds, evidence.split)
        new += again.trials
        measured[evidence.stream, evidence.split] = again.trials
    differences = changed(
        archive.environment(node.environment),
        describe(sandbox, gateway if task.manifest.model else None),
    )
    outcome, reason = _compare(old, new, task, bool(differences))
    if outcome != "FAILED":
        apart = conditions.size == 1
        if depends := next(_depends(node, task, sandbox, measured, keys, apart, gateway), ""):
            outcome, reason = "DRIFTED", depends
    if outcome == "REPRODUCED" and sandbox.isolation != "none" and not node.validated:
        archive.validate(node, sandbox.isolation)
        reason += f", now measured with isolation ({sandbox.isolation}): validated"
    if outcome == "REPRODUCED" and node.kept and not node.company_checked:
        archive.check_company(node)
        reason += "; with other seeds beside it, too: checked in other company"
    worst = task.metric.worst
    pairs = [(_score(was, worst), _score(now, worst)) for was, now in zip(old, new, strict=True)]
    return Replay(
        node=node.id,
        outcome=outcome,
        reason=reason,
        seeds=len(pairs),
        identical=sum(was == now for was, now in pairs),
        largest=max((abs(was - now) for was, now in pairs), default=0.0),
        differences=(*differences, *_task_notes(task)),
    )


def _depends(
    node: Node,
    task: Task,
    sandbox: Sandbox,
    measured: Mapping[tuple[str, Split], Sequence[Trial]],
    keys: Keys,
    apart: bool,
    gateway: Gateway | None,
) -> Iterator[str]:
    """How the evidence of a node, just measured again, depends on the seeds beside each other."""
    claims = [claim.stream for claim in node.verdict.claims] if node.verdict else []
    streams = [key for key in measured if key[0] in claims] or list(measured)[-1:]
    for stream, split in streams:
        before = measured[stream, split]
        workloads = getattr(task.manifest.workloads, split)
        rng = Random(f"{keys.sealed}/replay/{stream}/{node.candidate.digest}")
        for company in companies(before, workloads, rng, apart):
            again = repeat(node.candidate, task, sandbox, company, split, gateway)
            name = company.name.partition("/")[0]
            if contrast := difference(before, again, task, name):
                yield contrast.words(placed(contrast.seed, {stream: [t.seed for t in before]}))


def _compare(
    old: Sequence[Trial], new: Sequence[Trial], task: Task, elsewhere: bool
) -> tuple[ReplayOutcome, str]:
    if not old:
        return "FAILED", "the archive holds no trial of this node: it was refused before it ran"
    if all(t.score is None for t in new) and any(t.score is not None for t in old):
        return "FAILED", f"all {len(new)} seeds ended with {new[0].status}"
    worst, unit = task.metric.worst, task.metric.unit
    moves = [_score(now, worst) - _score(was, worst) for was, now in zip(old, new, strict=True)]
    if not any(moves):
        return "REPRODUCED", "every score is bit-identical"
    shift, tolerance = abs(math.fsum(moves)) / len(moves), task.metric.minimum_gain
    if elsewhere and shift <= tolerance:
        within = f"within the tolerance of {tolerance:g}"
        return "REPRODUCED", f"the mean moved by {shift:.2g} {unit}, {within}"
    where = "another environment" if elsewhere else "the same environment"
    return "DRIFTED", f"the mean moved by {shift:.2g} {unit} under {where}"


def _score(trial: Trial, worst: float) -> float:
    return worst if trial.score is None else trial.score


def replay_fresh(
    node: Node, archive: Archive, sandbox: Sandbox, count: int, gateway: Gateway | None = None
) -> Replay:
    """Ask whether the mean on `count` new seeds falls in the archived 95 % prediction interval."""
    from scipy.special import stdtrit

    task = archive.task(node.run)
    if not node.evidence:
        outcome, reason = _compare([], [], task, elsewhere=False)
        return Replay(node=node.id, outcome=outcome, reason=reason, seeds=0)
    evidence = node.evidence[-1]  # for a confirmed node: the seeds that had no part in choosing it
    keys = archive.run(node.run).keys
    seeds = draw(keys, evidence.stream, evidence.count)
    worst, unit = task.metric.worst, task.metric.unit
    old = archive.evaluation(node, evidence.stream, seeds, evidence.split).values(worst)
    fresh = draw(Keys(fresh_key(), fresh_key(), keys.data), "replay", count)
    conditions = _Conditions.of(archive, node.run, sandbox, gateway)
    again = conditions.measure(node.candidate, fresh, evidence.split)
    new = again.values(worst)
    mean = math.fsum(old) / len(old)
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in old) / (len(old) - 1))
    half = float(stdtrit(len(old) - 1, 0.975)) * spread * math.sqrt(1 / len(old) + 1 / count)
    now = math.fsum(new) / count
    inside = abs(now - mean) <= half
    reason = (
        f"mean {now:.4f} {unit} on {count} new seeds, {'inside' if inside else 'outside'} "
        f"the predicted {mean:.4f} ± {half:.4f}"
    )
    return Replay(
        node=node.id,
        outcome="REPRODUCED" if inside else "DRIFTED",
        reason=reason,
        seeds=count,
        differences=(
            *changed(
                archive.environment(node.environment),
                describe(sandbox, gateway if task.manifest.model else None),
            ),
            *_task_notes(task),
        ),
    )


@dataclass(frozen=True)
class _Conditions:
    """Where a run's programs are measured again: in jobs of its size, and under its limits."""

    task: Task
    sandbox: Sandbox
    gateway: Gateway | None
    size: int
    costs: dict[Split, StartCost]

    @classmethod
    def of(
        cls, archive: Archive, run_id: str, sandbox: Sandbox, gateway: Gateway | None
    ) -> "_Conditions":
        task = archive.task(run_id)
        size = seeds_per_job(task, archive.run(run_id).strict)
        return cls(task, sandbox, gateway, size, archived(archive, run_id, size))

    def measure(self, candidate: Candidate, seeds: Sequence[Seed], split: Split) -> Evaluation:
        trials: list[Trial] = []
        for at in range(0, len(seeds), self.size):
            some = seeds[at : at + self.size]
            seconds = start_seconds(self.costs, split, len(some))
            trials += measure(
                candidate, self.task, self.sandbox, some, split, self.gateway, seconds
            )
        return Evaluation(stream="replay", trials=tuple(trials))


def _task_notes(task: Task) -> list[str]:
    """Whether the installed task is the archived one; the archived one is always what runs."""
    try:
        same = load(task.name).digest == task.digest
    except TaskError:
        return ["the task is not installed here; the archived one was used"]
    return [] if same else ["the installed task differs from the archived one, which was used"]


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """One line for each key whose value differs."""
    return [
        f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
