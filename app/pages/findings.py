"""What was recorded of a run beyond its tree: a report in sections. Nothing is measured twice."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ...archive import Archive, RunRecord
from ...search.lab import Lab
from ...search.studies.ablate import Ablation, ablations
from ...search.studies.controls import ControlsTable, tables
from ...search.studies.report import Report, readings, report, seconds_for, splits
from ...tasks import Frozen, Metric, trust_line
from . import generalising, sentences
from .seeds import COUNTS

PLAIN = (
    "Each ± is a 95 % interval: of a hundred such intervals about five miss the truth. "
    '"could be none" means that zero lies inside. Each answer is judged by itself: where '
    "there is no difference, about one in twenty reads yes or no."
)
ONE_EACH = (
    "One search each: the intervals compare these nodes, and say nothing of how other searches of "
    "the kind would end."
)
SEED_ONLY = "seed-only proposes the same program again and again: whatever it keeps is an error."


class Findings(Frozen):
    """All that was recorded of a run beyond its tree.

    `best` is its best node now. `again` is the command that reads the sealed split once more.
    `readings` are in the order in which they were made. `ablation` takes apart the node that was
    read last, and `controls` is the newest table of simpler searches. `unseen` names the workloads
    that no search runs.
    """

    run: str
    task: str
    metric: Metric
    best: str | None
    again: str
    readings: tuple[Report, ...]
    unseen: tuple[str, ...] = ()
    ablation: Ablation | None = None
    controls: ControlsTable | None = None

    def record(self) -> dict[str, Any]:
        """What `--json` prints: the facts, and under `said` the sentences that the text shows."""
        texts = {section.heading: section.sentences for section in sections(self)}
        words = {r.node: r.transfer_to(self.unseen, self.metric) for r in self.readings}
        return {**self.model_dump(mode="json"), "transfer": words, "said": texts}


def gather(archive: Archive, record: RunRecord, archive_option: str = "") -> Findings:
    """Look up what was recorded; `archive_option` is what a command needs to find the archive."""
    best, task = archive.tree(record.id).best(), archive.task(record.id)
    reports = readings(archive, record.id)
    last = reports[-1].node if reports else None
    of_last = [ablation for ablation in ablations(archive, record.id) if ablation.node == last]
    return Findings(
        run=record.id,
        task=record.task_name,
        metric=task.metric,
        unseen=task.manifest.workloads.transfer,
        best=best.id if best else None,
        again=f"ratchet report {record.id} --again{archive_option}",
        readings=tuple(reports),
        ablation=of_last[-1] if of_last else None,
        controls=next(reversed(tables(archive, record.id)), None),
    )


def read_once(
    record: RunRecord,
    lab: Lab,
    archive: Archive,
    workers: int,
    say: Callable[[str], None],
    archive_option: str = "",
) -> Findings:
    """Read the sealed split of a run unless that was done before; then look up what there is."""
    if not readings(archive, record.id):
        unseen = " and unseen workloads" if len(splits(lab.task)) > 1 else ""
        seconds = seconds_for(record.rule, archive.tree(record.id), lab, workers)
        say(
            f"\nmeasuring the best kept node on sealed seeds{unseen}: takes about "
            f"{math.ceil(seconds)} s, and is in no budget ..."
        )
        report(record, lab, archive, workers)
    return gather(archive, record, archive_option)


class Section(NamedTuple):
    """A heading with its sentences, the first of which stand in a table where there is one."""

    heading: str
    sentences: list[str]
    table: ControlsTable | None = None


def sections(findings: Findings) -> Iterator[Section]:
    """All sections of the report, what matters most first."""
    if not findings.readings:
        nothing = "nothing was kept: the start and the baselines stand."
        yield Section(f"run {findings.run}", [nothing])
        return
    yield from _measured(findings.readings[-1], findings)
    yield Section("about this reading", list(_notes(findings)))
    if ablation := findings.ablation:
        steps = [sentences.step(step, findings.metric.unit) for step in ablation.steps]
        yield Section(f"what each kept step is still worth in {ablation.node}", steps)
    if table := findings.controls:
        heading = (
            f"simpler searches with the same {table.trials} trials: the best of each over"
            f" {table.baseline}, in {findings.metric.unit} on the sealed seeds of reading"
            f" {table.reading}"
        )
        rows = [sentences.search(row) for row in table.rows]
        yield Section(heading, [*rows, ONE_EACH, SEED_ONLY], table)


def _measured(reading: Report, findings: Findings) -> Iterator[Section]:
    """What one reading of the sealed seeds says of its node."""
    metric, unseen = findings.metric, findings.unseen
    heading = f"node {reading.node} on sealed seeds (reading {reading.reading})"
    gains = sentences.compared(reading, reading.dev, metric)
    yield Section(f"{heading}, development workloads", gains)
    if reading.transfer:
        heading = "on unseen workloads, which no search ever ran"
        says = generalising.verdict(reading.node, reading.transfer_to(unseen, metric))
        yield Section(heading, [*generalising.unseen(reading, unseen, metric), says])
    if by_workload := list(generalising.by_workload(reading)):
        yield Section("by workload", by_workload)
    if failures := sentences.failures(reading):
        yield Section("seeds that failed", failures)
    if reading.claims and reading.rule:
        heading = f"claims, {sentences.budget(reading.rule)}"
        yield Section(heading, sentences.claims(reading, reading.rule, metric))
    if reading.screen:
        heading = "did the search flatter it? its gain over its parent, stage by stage"
        yield Section(heading, sentences.bias(reading, metric))


def _notes(findings: Findings) -> Iterator[str]:
    """How to read the signs, how sure the node is, and how often the sealed seeds were read."""
    last = findings.readings[-1]
    yield PLAIN
    yield generalising.HOLM
    yield f"Of all that a search prints of a node {COUNTS}."
    if not last.company_checked:
        yield (
            f"{last.node} was {sentences.NO_COMPANY}: whether its scores depend on the seeds "
            f"beside each other is not known. `ratchet replay {last.node}` finds out."
        )
    if last.level != "counted":
        yield trust_line(last.level)
    if not last.confirmed and last.level != "reported":
        yield f"{last.node} is not confirmed: an `explore` run controls no error rate."
    if findings.best != last.node:
        yield (
            f"The best node is now {findings.best}. The sealed split is read once a run, and was "
            f"read at node {last.node}: `{findings.again}` draws new sealed seeds, which is "
            f"recorded as reading {last.reading + 1}."
        )
    for earlier in findings.readings[:-1]:
        gain = f"{earlier.dev['baseline']} {findings.metric.unit} over {earlier.baseline}"
        yield f"Reading {earlier.reading} came before this one: node {earlier.node}, {gain}."
