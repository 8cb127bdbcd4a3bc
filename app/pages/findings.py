"""What was recorded of a run beyond its tree, and how it is shown; nothing is measured twice."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Drawing
from rich.text import Text

from ...archive import Archive, RunRecord
from ...search.lab import Lab
from ...search.studies.ablate import Ablation, ablations
from ...search.studies.controls import ControlsTable, tables
from ...search.studies.report import Report, readings, report, seconds_for
from ...tasks import Frozen, Metric
from ..cli.view import NO_COMPANY, UNVALIDATED
from . import sentences

PLAIN = (
    "Each ± is a 95 % interval: of a hundred such intervals about five miss the truth. "
    '"could be none" means that zero lies inside.'
)
SEED_ONLY = "seed-only proposes the same program again and again: whatever it keeps is an error."


class Findings(Frozen):
    """All that was recorded of a run beyond its tree. `best` is its best node now.

    `ablation` is of the node that was last read, `controls` the newest. `said` is the whole in
    sentences under headings. `again` is the command that reads the sealed split once more.
    """

    run: str
    task: str
    metric: Metric
    best: str | None
    again: str
    readings: tuple[Report, ...]
    ablation: Ablation | None = None
    controls: ControlsTable | None = None

    def record(self) -> dict[str, Any]:
        """What `--json` prints: the facts, and the sentences that the text shows."""
        return {**self.model_dump(mode="json"), "said": {s.heading: s.said for s in sections(self)}}


def gather(archive: Archive, record: RunRecord, elsewhere: str = "") -> Findings:
    """Look up what was recorded; `elsewhere` is what a command needs to find the archive."""
    best = archive.tree(record.id).best()
    read = readings(archive, record.id)
    of_it = [each for each in ablations(archive, record.id) if read and each.node == read[-1].node]
    return Findings(
        run=record.id,
        task=record.task_name,
        metric=archive.task(record.id).metric,
        best=best.id if best else None,
        again=f"ratchet report {record.id} --again{elsewhere}",
        readings=tuple(read),
        ablation=of_it[-1] if of_it else None,
        controls=next(reversed(tables(archive, record.id)), None),
    )


def read_once(
    record: RunRecord,
    lab: Lab,
    archive: Archive,
    workers: int,
    say: Callable[[str], None],
    elsewhere: str = "",
) -> Findings:
    """Read the sealed split of a run unless that was done before; then look up what there is."""
    if not readings(archive, record.id):
        seconds = seconds_for(archive.tree(record.id), lab, workers)
        say(
            "\nmeasuring the best kept node on sealed seeds and unseen workloads: takes about "
            f"{math.ceil(seconds)} s, and is in no budget ..."
        )
        report(record, lab, archive, workers)
    return gather(archive, record, elsewhere)


class Section(NamedTuple):
    """A heading with its sentences, which a table says more briefly where there is one."""

    heading: str
    said: list[str]
    table: ControlsTable | None = None


def draw(found: Findings) -> RenderableType:
    """The sections one below the other."""
    parts: list[RenderableType] = []
    for section in sections(found):
        parts.append(Text(section.heading, style="bold"))
        said = section.said
        if section.table is not None:
            parts.append(controls_table(section.table))
            said = said[len(section.table.rows) :]
        parts += [Padding(Text(sentence), (0, 0, 0, 2), expand=False) for sentence in said]
    if found.readings and not found.readings[-1].validated:
        parts.append(UNVALIDATED)
    return Group(*parts)


def sections(found: Findings) -> Iterator[Section]:
    """Everything there is to say, what matters most first."""
    if not found.readings:
        yield Section(f"run {found.run}", ["nothing was kept: the start and the baselines stand."])
        return
    read, metric = found.readings[-1], found.metric
    heading = f"node {read.node} on sealed seeds (reading {read.reading}), development workloads"
    yield Section(heading, sentences.compared(read, read.dev, metric))
    heading = "on unseen workloads, which no search ever ran"
    yield Section(heading, sentences.compared(read, read.transfer, metric))
    gains = "; ".join(f"{name} {gain}" for name, gain in read.workloads.items())
    yield Section(f"by workload, against {read.baseline}", [gains])
    if read.claims and read.rule:
        heading = f"claims, {sentences.budget(read.rule)}"
        yield Section(heading, sentences.claims(read, read.rule, metric))
    if read.screen:
        heading = "did the search flatter it? its gain over its parent, stage by stage"
        yield Section(heading, sentences.bias(read, metric))
    yield Section("about this reading", list(_notes(found)))
    if found.ablation:
        heading = f"what each kept step is still worth in {found.ablation.node}"
        yield Section(heading, [sentences.step(each, metric.unit) for each in found.ablation.steps])
    if table := found.controls:
        heading = (
            f"simpler searches with the same {table.trials} trials: the best of each over"
            f" {table.baseline}, in {metric.unit} on the sealed seeds of reading {table.reading}"
        )
        said = [*(sentences.search(row) for row in table.rows), SEED_ONLY]
        yield Section(heading, said, table)


def controls_table(table: ControlsTable) -> RenderableType:
    """The controlled search above its controls."""
    drawing = Drawing(box=None, padding=(0, 2))
    for column in ("search", "run", "trials", "proposals", "kept", "best node"):
        drawing.add_column(column)
    for column in ("development", "unseen", "a higher screen mean would have kept"):
        drawing.add_column(column)
    for row in table.rows:
        best = row.best.rpartition(".")[2] + ("" if row.validated else " (unvalidated)")
        gains = [str(gain or "-") for gain in (row.dev, row.transfer)]
        numbers = [str(row.trials), str(row.proposals), sentences.kept(row)]
        cells = [row.search, row.run, *numbers, best or "-", *gains, sentences.naive(row)]
        drawing.add_row(*map(Text, cells))
    return drawing


def _notes(found: Findings) -> Iterator[str]:
    """What a reader has to know: what the signs mean, how often the seeds were read, and where."""
    last = found.readings[-1]
    yield PLAIN
    if not last.company_checked:
        yield (
            f"{last.node} was {NO_COMPANY}: whether its scores depend on the seeds beside each "
            f"other is not known. `ratchet replay {last.node}` finds out."
        )
    if not last.confirmed:
        yield f"{last.node} is not confirmed: an `explore` run controls no error rate."
    if found.best != last.node:
        yield (
            f"The best node is now {found.best}. The sealed split is read once a run, and was read "
            f"at node {last.node}: `{found.again}` draws new sealed seeds, which is recorded as "
            f"reading {last.reading + 1}."
        )
    for read in found.readings[:-1]:
        gain = f"{read.dev['baseline']} {found.metric.unit} over {read.baseline}"
        yield f"Reading {read.reading} came before this one: node {read.node}, {gain}."
