"""Read the sealed split: how much better the best kept node is, on seeds nothing else used.

It is read once a run. Whoever reads it again draws new seeds, and every reading is kept and shown:
the best of several readings would be as flattering as the best of several nodes. No search reads
any of this.
"""

from collections.abc import Mapping, Sequence

from ...archive import Archive, Node, RunRecord, Tree
from ...evals import Claim, Estimate, Evaluation, Rule, Split, Summary, draw, judge
from ...tasks import Frozen, Level, Metric, Task
from ..lab import Lab
from ..planted import best_planted

SEEDS: Mapping[Split, int] = {"dev": 64, "transfer": 16}
REPORT = "report"  # the kind of event that a reading is


class Report(Frozen):
    """A node against its parent, the start and the best baseline, on development workloads and on
    transfer workloads that no search saw. Each gain has a 95 % interval from sealed seeds. One that
    was measured without isolation is not validated: the candidate could have written the scores.

    `confirmed` is false for the best node of an `explore` run, and where programs state their own
    scores, which `level` tells. The node's `claims`, by the name of
    the rival it was compared with, were judged by `rule`. What the search thought of the gain over
    the parent: `screen`, on the seeds that picked the node out, and `ranked`, on later ones.

    A task may have no transfer workloads, and then `transfer` is empty.

    `workloads` are gains over the best baseline by workload, and `others` those over the parent and
    the start. `failed` counts the sealed seeds without a score by split. Older readings have
    neither of the last two.
    """

    node: str
    parent: str
    baseline: str
    reading: int
    validated: bool = False  # the oldest readings do not say
    company_checked: bool = False  # nor do older ones say whether its seeds were repeated
    dev: Mapping[str, Estimate]
    transfer: Mapping[str, Estimate]
    workloads: Mapping[str, Estimate]
    others: Mapping[str, Mapping[str, Estimate]] = {}
    failed: Mapping[Split, int] = {}
    confirmed: bool = True  # older readings are of confirmed nodes alone
    claims: Mapping[str, Claim] = {}
    level: Level = "counted"
    rule: Rule | None = None
    screen: Summary | None = None
    ranked: Estimate | None = None
    environment: str = ""  # as the archive calls it

    @property
    def number(self) -> int:
        """The node's number in its run."""
        return int(self.node.rpartition(".")[2])

    def over(self, rival: str) -> Mapping[str, Estimate]:
        """Gains by workload over the parent, the start or the baseline; {} if not recorded."""
        names = {"parent": self.parent, "start": "start", "baseline": self.baseline}
        same = names[rival] == self.baseline
        return self.workloads if same else self.others.get(rival, {})

    def transfer_to(self, unseen: Sequence[str], metric: Metric) -> judge.Transfer:
        """Whether what the node claims of its parent holds on workloads like the `unseen` ones.

        That it is better, or for a simpler program that it is no worse.
        """
        gains = {name: g for name, g in self.over("parent").items() if name in unseen}
        first = next(iter(self.claims.values()), None)
        if first is not None and first.says == "simpler" and self.rule is not None:
            margin = self.rule.margin(metric, "simpler")
            return judge.transfer(gains, margin, margin)
        return judge.transfer(gains, 0.0, metric.minimum_gain)


def readings(archive: Archive, run_id: str) -> list[Report]:
    """What was read of a run's sealed split so far, oldest first; nothing is measured."""
    return archive.records(run_id, REPORT, Report)


def transfers(archive: Archive, run_id: str) -> dict[int, judge.Transfer]:
    """Whether nodes of a run transfer, by number: those of which a report has read sealed seeds.

    Nothing where the task has no workloads that the search does not see.
    """
    task = archive.task(run_id)
    unseen = task.manifest.workloads.transfer
    if not unseen:
        return {}
    return {
        reading.number: reading.transfer_to(unseen, task.metric)
        for reading in readings(archive, run_id)
    }


def report(record: RunRecord, lab: Lab, archive: Archive, workers: int = 2) -> Report | None:
    """Measure the best kept node, if there is one, on sealed seeds; record the reading.

    Every reading draws seeds of its own, so that an earlier one cannot have steered it.
    """
    tree = archive.tree(record.id)
    node = tree.best()
    if node is None:
        return None
    child, baseline = tree.child(node), best_planted(tree)
    reading = len(archive.events(record.id, REPORT)) + 1
    rivals = {"parent": child.parent, "start": tree[0], "baseline": baseline}
    nodes = {"": node, **rivals}
    measured = {
        split: sealed(record, lab, reading, split, nodes, workers) for split in splits(lab.task)
    }
    result = Report(
        node=node.id,
        parent=title(child.parent),
        baseline=title(baseline),
        reading=reading,
        validated=node.validated and lab.sandbox.isolation != "none",
        company_checked=node.company_checked,
        dev=_gains(measured["dev"], lab),
        transfer=_gains(measured.get("transfer", {}), lab),
        workloads=_by_workload(measured, "baseline", lab),
        others={rival: _by_workload(measured, rival, lab) for rival in ("parent", "start")},
        failed={split: trials[""].failures for split, trials in measured.items()},
        confirmed=node.standing == "confirmed",
        level=node.level,
        claims=_claims(tree, node),
        rule=child.verdict.rule,
        screen=child.verdict.screen,
        ranked=child.verdict.estimate,
        environment=lab.environment,
    )
    archive.log(record.id, REPORT, result.model_dump(mode="json"))
    return result


def splits(task: Task) -> list[Split]:
    """The splits that a reading measures: a task may have no transfer workloads."""
    return [split for split in SEEDS if getattr(task.manifest.workloads, split)]


def count(rule: Rule, split: Split) -> int:
    """How many sealed seeds a reading takes: few where trials are dear."""
    if rule.pooled is None:
        return SEEDS[split]
    return 2 * rule.most if split == "dev" else rule.most


def seconds_for(rule: Rule, tree: Tree, lab: Lab, workers: int = 2) -> float:
    """Seconds that a reading usually takes; only its number of seeds bounds it, not the budget."""
    node = tree.best()
    if node is None or node.parent is None:
        return 0.0
    measured = (node, tree[node.parent], tree[0], best_planted(tree))
    programs = {node.candidate.digest for node in measured}
    jobs = [
        lab.expected(split, count(rule, split), digest)
        for split in splits(lab.task)
        for digest in programs
    ]
    return sum(jobs) / min(workers, len(programs))


def sealed(
    record: RunRecord,
    lab: Lab,
    reading: int,
    split: Split,
    nodes: Mapping[str, Node],
    workers: int = 2,
) -> dict[str, Evaluation]:
    """The trials of `nodes` on the sealed seeds of a reading, drawn from the keys of its run."""
    stream = f"report/{reading}"
    seeds = draw(record.keys, stream, count(record.rule, split))
    if "start" in nodes:  # its CPU time is the measure of the others'
        lab.learn(split, lab.evaluate(nodes["start"].candidate, stream, seeds, split))
    programs = {name: node.candidate for name, node in nodes.items()}
    return lab.evaluate_all(programs, stream, seeds, split, workers)


def title(node: Node) -> str:
    """How people call a node: planted ones by their names."""
    return node.name if node.verdict is None else node.id


def _gains(trials: Mapping[str, Evaluation], lab: Lab) -> dict[str, Estimate]:
    return {
        name: judge.estimate(judge.gains(trials[""], rival, lab.task.metric))
        for name, rival in trials.items()
        if name
    }


def _by_workload(
    measured: Mapping[Split, Mapping[str, Evaluation]], rival: str, lab: Lab
) -> dict[str, Estimate]:
    """The gains over a rival, one workload at a time."""
    metric, workloads = lab.task.metric, lab.task.manifest.workloads
    return {
        workload: judge.estimate(judge.gains(trials[""], trials[rival], metric, workload=workload))
        for split, trials in measured.items()
        for workload in getattr(workloads, split)
    }


def _claims(tree: Tree, node: Node) -> dict[str, Claim]:
    claims = node.verdict.claims if node.verdict else ()
    return {title(tree[claim.versus]): claim for claim in claims}
