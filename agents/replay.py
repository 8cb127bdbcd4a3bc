"""Run an archived node again, from the archive alone, and say whether it still holds."""

import math
from collections.abc import Mapping
from typing import Literal

from ..archive import Archive, Node
from ..evals import Candidate, Evaluation, Role, Seed, draw, fresh_key, measure
from ..sandbox import Sandbox
from ..tasks import Frozen, Task, TaskError, load
from .lab import describe

Outcome = Literal["REPRODUCED", "DRIFTED", "FAILED"]


class Replay(Frozen):
    """What a replay found. `differences` lists what is not as it was: versions, machine, task.

    `identical` counts bit-identical scores and `largest` is the largest difference between an old
    score and a new one; both are None where the seeds were new ones.
    """

    node: str
    outcome: Outcome
    reason: str
    seeds: int
    identical: int | None = None
    largest: float | None = None
    differences: tuple[str, ...] = ()


def replay(node: Node, archive: Archive, sandbox: Sandbox) -> Replay:
    """Repeat every archived trial of `node` on its recorded seeds and compare score by score.

    Bit-identical scores are REPRODUCED anywhere. Under another environment a mean within the
    metric's `minimum_gain` is too; under the same one it has DRIFTED.
    """
    run = archive.run(node.run)
    task = archive.task(node.run)
    pairs: list[tuple[float, float]] = []
    failed = 0
    for evidence in node.evidence:
        seeds = draw(run["config"]["key"], evidence.stream, evidence.count)
        old = archive.evaluation(node, evidence.stream, seeds, evidence.role)
        new = _measure(node.candidate, task, sandbox, seeds, evidence.role)
        failed += sum(
            (was.score is None) != (now.score is None)
            for was, now in zip(old.trials, new.trials, strict=True)
        )
        worst = task.metric.worst
        pairs += zip(old.values(worst), new.values(worst), strict=True)
    differences = _differences(node, archive, task, sandbox)
    if not pairs:
        return _verdict(node, "FAILED", "the archive holds no trial of this node", [], differences)
    if failed:
        reason = f"{failed} of {len(pairs)} seeds ended otherwise than archived"
        return _verdict(node, "FAILED", reason, pairs, differences)
    if all(old == new for old, new in pairs):
        return _verdict(node, "REPRODUCED", "every score is bit-identical", pairs, differences)
    shift = abs(math.fsum(new - old for old, new in pairs)) / len(pairs)
    unit, tolerance = task.metric.unit, task.metric.minimum_gain
    if differences and shift <= tolerance:
        reason = f"the mean moved by {shift:.2g} {unit}, within the tolerance of {tolerance:g}"
        return _verdict(node, "REPRODUCED", reason, pairs, differences)
    why = "under another environment" if differences else "under the same environment"
    reason = f"the mean moved by {shift:.2g} {unit} {why}"
    return _verdict(node, "DRIFTED", reason, pairs, differences)


def replay_fresh(node: Node, archive: Archive, sandbox: Sandbox, count: int) -> Replay:
    """Ask whether the mean on `count` new seeds falls in the archived 95 % prediction interval."""
    from scipy.special import stdtrit

    run = archive.run(node.run)
    task = archive.task(node.run)
    if not node.evidence:
        return _verdict(node, "FAILED", "the archive holds no trial of this node", [], ())
    evidence = node.evidence[-1]  # for a confirmed node: the seeds that had no part in choosing it
    seeds = draw(run["config"]["key"], evidence.stream, evidence.count)
    worst, unit = task.metric.worst, task.metric.unit
    old = archive.evaluation(node, evidence.stream, seeds, evidence.role).values(worst)
    new = _measure(node.candidate, task, sandbox, draw(fresh_key(), "replay", count)).values(worst)
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
        differences=_differences(node, archive, task, sandbox),
    )


def _measure(
    candidate: Candidate, task: Task, sandbox: Sandbox, seeds: tuple[Seed, ...], role: Role = "dev"
) -> Evaluation:
    trials = [
        trial
        for at in range(0, len(seeds), 32)
        for trial in measure(candidate, task, sandbox, seeds[at : at + 32], role).trials
    ]
    return Evaluation(stream="replay", trials=tuple(trials))


def _differences(node: Node, archive: Archive, task: Task, sandbox: Sandbox) -> tuple[str, ...]:
    """What a score may depend on and is not as archived."""
    found = changed(archive.environment(node.environment), describe(sandbox))
    try:
        if load(task.name).digest != task.digest:
            found.append("the installed task differs from the archived one, which was used")
    except TaskError:
        found.append("the task is not installed here; the archived one was used")
    return tuple(found)


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """One line for each key whose value differs."""
    return [
        f"{key}: {old.get(key, 'absent')} -> {new.get(key, 'absent')}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]


def _verdict(
    node: Node,
    outcome: Outcome,
    reason: str,
    pairs: list[tuple[float, float]],
    differences: tuple[str, ...],
) -> Replay:
    return Replay(
        node=node.id,
        outcome=outcome,
        reason=reason,
        seeds=len(pairs),
        identical=sum(old == new for old, new in pairs),
        largest=max((abs(old - new) for old, new in pairs), default=0.0),
        differences=differences,
    )
