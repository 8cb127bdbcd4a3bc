"""Further workloads: they steer a search away from what helps on the development workloads alone.

No claim is about them. Tuning counts a few of them in each generation, in rotation. And before a
child is put to a claim it is run on all of them beside its parent: it is dropped where it clearly
loses more there than its screen shows that it gains. To choose by the regret over many
problems is after GROOVE (Jackson et al. 2023).
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from ..archive import Evidence, Node
from ..evals import Summary, judge
from ..tasks import Metric, Task
from .run import Run
from .screen import against, measured, merged

SEEDS = 4  # of a child and its parent, on every further workload
AT_ONCE = 4  # further workloads of one generation of a tuner


def in_rotation(task: Task, generation: int) -> tuple[str, ...]:
    """The further workloads of one generation: after a few of them all have had their turn."""
    names = task.manifest.workloads.further
    count = min(AT_ONCE, len(names))
    return tuple(names[(generation * count + at) % len(names)] for at in range(count))


def look(run: Run, node: Node, parent: Node) -> Node:
    """Run a child and its parent on the further workloads; the node with that evidence.

    Where the task has none, or trials are few and dear, there is nothing to run.
    """
    if not run.task.manifest.workloads.further or run.config.rule.pooled is not None:
        return node
    stream = f"further/{parent.number}"
    for program, seeds in ((node, stream), (parent, against(run, stream) or stream)):
        measured(run, program.candidate, seeds, SEEDS, "further")
    evidence = Evidence(
        stream=stream,
        count=SEEDS,
        split="further",
        versus=parent.number,
        against=against(run, stream),
    )
    return node.model_copy(update={"evidence": merged(node.evidence, evidence)})


def lost(run: Run, node: Node, parent: Node, screen: Summary, margin: float) -> str:
    """Why a child is not put to a claim of more than `margin` over its parent; "" if it may be.

    The gains of its screen and on further workloads are to make up for each other, with one
    standard error in its favour. A single gain counts as at most the rule's bound either way, and
    all workloads count alike.
    """
    if not any(evidence.split == "further" for evidence in node.evidence):
        return ""
    stream, bound = f"further/{parent.number}", run.config.rule.bound or math.inf
    paired, metric = run.config.rule.design == "paired", run.task.metric
    own = measured(run, node.candidate, stream, SEEDS, "further")
    rival = measured(run, parent.candidate, against(run, stream) or stream, SEEDS, "further")
    by_workload = [
        [bounded(gain, bound) for gain in judge.gains(own, rival, metric, name, paired)]
        for name in run.task.manifest.workloads.further
    ]
    gain = judge.summary([fmean(of_seed) for of_seed in zip(*by_workload, strict=True)])
    if screen.mean + gain.mean + gain.error >= min(0.0, margin):
        return ""
    return (
        f"its gain on further workloads is {gain.mean:+.4f} ± {gain.error:.4f} {metric.unit}, "
        f"which the {screen.mean:+.4f} of its screen do not make up for"
    )


def bounded(gain: float, bound: float) -> float:
    """The gain, or the bound on its side where it is beyond that."""
    return max(-bound, min(bound, gain))


def standings(
    scores: Sequence[Mapping[str, float]], dev: Sequence[str], metric: Metric, bound: float
) -> list[float]:
    """How good each of some settings is, by its `scores` on workloads: more is better.

    On a workload each is compared with the median of all, and counts as at most `bound` from it.
    The development workloads weigh as much, together, as all others that are there.
    """
    names = list(scores[0])
    middle = {name: median(row[name] for row in scores) for name in names}
    parts = [part for part in (dev, [n for n in names if n not in dev]) if part]
    return [
        fmean(
            fmean(bounded(metric.gain(row[name], middle[name]), bound) for name in part)
            for part in parts
        )
        for row in scores
    ]
