"""Read the sealed split: how much better the best confirmed node is, on seeds nothing else used."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..archive import Archive, Node, Tree
from ..evals import Estimate, Keys, Role, draw, judge
from ..tasks import Frozen
from .lab import Lab

SEEDS: Mapping[Role, int] = {"dev": 64, "transfer": 16}


class Report(Frozen):
    """A node against its parent, the start and the best baseline, on development workloads and on
    transfer workloads that no search saw. Each gain has a 95 % interval from sealed seeds. One that
    was measured without isolation is not validated: the candidate could have written the scores.
    """

    node: str
    parent: str
    baseline: str
    reading: int
    validated: bool
    dev: Mapping[str, Estimate]
    transfer: Mapping[str, Estimate]
    workloads: Mapping[str, Estimate]


def report(run: Mapping[str, Any], lab: Lab, archive: Archive, workers: int = 2) -> Report | None:
    """Measure the best confirmed node, if there is one, on sealed seeds; record the reading.

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
    metric = lab.task.metric
    rivals = {"parent": parent, "start": tree[0], "baseline": baseline}
    found: dict[Role, dict[str, Estimate]] = {"dev": {}, "transfer": {}}
    workloads: dict[str, Estimate] = {}
    with ThreadPoolExecutor(workers, "ratchet-report") as pool:
        for role, count in SEEDS.items():
            seeds = draw(Keys.of(run["config"]), stream, count)
            futures = {
                name: pool.submit(lab.evaluate, each.candidate, stream, seeds, role)
                for name, each in {"": node, **rivals}.items()
            }
            trials = {name: future.result() for name, future in futures.items()}
            for name in rivals:
                values = judge.gains(trials[""], trials[name], metric)
                found[role][name] = judge.estimate(values)
            for workload in getattr(lab.task.manifest.workloads, role):
                values = judge.gains(trials[""], trials["baseline"], metric, workload=workload)
                workloads[workload] = judge.estimate(values)
    result = Report(
        node=node.id,
        parent=_title(parent),
        baseline=_title(baseline),
        reading=reading,
        validated=node.validated and lab.sandbox.isolation != "none",
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
