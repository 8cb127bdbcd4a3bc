"""Further workloads: they steer a search away from what helps on the development workloads alone.

No claim is about them. Before a child is put to a claim it is run on all of them beside its parent,
and it is dropped where it clearly loses more there than its screen shows that it gains. To choose
by the regret over many problems is after GROOVE (Jackson et al. 2023).
"""

import math
from statistics import fmean

from ..archive import Evidence, Node
from ..evals import Summary, judge
from .run import Run
from .screen import against, measured, merged

SEEDS = 4  # of a child and its parent, on every further workload


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
