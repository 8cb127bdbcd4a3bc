"""Read the sealed split: how much better the best confirmed node is, on seeds nothing else used."""

from collections.abc import Mapping
from typing import Any

from ..archive import Archive, Node, Tree
from ..evals import Estimate, Role, draw, judge
from ..tasks import Frozen
from .lab import Lab

REPORT_SEEDS = 64


class Report(Frozen):
    """A node against its parent, the start and the best baseline, on development workloads and on
    transfer workloads that no search saw. Each gain has a 95 % interval from sealed seeds.
    """

    node: str
    parent: str
    baseline: str
    reading: int
    dev: Mapping[str, Estimate]
    transfer: Mapping[str, Estimate]
    workloads: Mapping[str, Estimate]


def report(run: Mapping[str, Any], lab: Lab, archive: Archive) -> Report | None:
    """Measure the best confirmed node on sealed seeds and record the reading; None if there is none.

    Every reading draws seeds of its own, so that an earlier one cannot have steered it.
    """
    tree = archive.tree(run["id"])
    node = tree.best()
    if node is None:
        return None
    assert node.parent is not None
    parent, baseline = tree[node.parent], best_planted(tree)
    reading = len(archive.events(run["id"], "report")) + 1
    stream = f"report/{reading}"
    task = lab.task
    rivals = {"parent": parent, "start": tree[0], "baseline": baseline}
    seeds = draw(run["config"]["key"], stream, REPORT_SEEDS)
    found: dict[Role, dict[str, Estimate]] = {"dev": {}, "transfer": {}}
    workloads: dict[str, Estimate] = {}
    for role in found:
        own = lab.evaluate(node.candidate, stream, seeds, role)
        for name, rival in rivals.items():
            other = lab.evaluate(rival.candidate, stream, seeds, role)
            found[role][name] = judge.estimate(judge.gains(own, other, task.metric))
            if name == "baseline":
                workloads |= {
                    workload: judge.estimate(
                        judge.gains(own, other, task.metric, workload=workload)
                    )
                    for workload in getattr(task.manifest.workloads, role)
                }
    result = Report(
        node=node.id,
        parent=_title(parent),
        baseline=_title(baseline),
        reading=reading,
        dev=found["dev"],
        transfer=found["transfer"],
        workloads=workloads,
    )
    archive.log(run["id"], "report", result.model_dump(mode="json"))
    return result


def best_planted(tree: Tree) -> Node:
    """The best of the start and the baselines."""
    return max(tree.planted(), key=lambda node: node.gain or 0.0)


def _title(node: Node) -> str:
    return node.name if node.verdict is None else node.id
