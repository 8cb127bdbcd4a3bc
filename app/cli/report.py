"""The verb `report`: show what was read of the sealed split, and measure what is asked for."""

from typing import NamedTuple

from rich.console import Console

from ...agents.base import AgentError
from ...archive import Archive
from ...search.begin import reopen
from ...search.order import SandboxChange
from ...search.run import Config
from ...search.studies.ablate import ablate, ablations
from ...search.studies.controls import control, tables
from ...search.studies.report import Report, readings, report
from ..pages.findings import gather
from .draw_report import draw
from .output import INTERRUPTED, show_or_dump
from .run import archive_option
from .terminal import guarded, warn


class ReportOptions(NamedTuple):
    """What to measure beyond the first reading of the sealed seeds."""

    again: bool
    ablation: bool
    controls: bool


def show(
    name: str | None, options: ReportOptions, change: SandboxChange, where: str, as_json: bool
) -> int:
    """Print the report of a run, measuring what is missing first. Returns the exit code."""
    archive = Archive(where)
    record = archive.run(name)
    config = Config.of(record)
    if options.controls and config.control_of:
        raise AgentError(
            f"run {record.id} is itself a control of {config.control_of}: report on that run"
        )
    kept = archive.tree(record.id).best() is not None
    if kept and not _complete(archive, record.id, options):
        try:
            _measure(archive, record.id, options, change)
        except KeyboardInterrupt:
            console().print("stopped. What was measured is kept: the same command goes on.")
            return INTERRUPTED
    findings = gather(archive, record, archive_option(archive))
    show_or_dump(findings.record() if as_json else findings, as_json, draw)
    return 0


def console() -> Console:
    """Standard error, so that what is printed of the progress is no part of the JSON."""
    return guarded(Console(stderr=True, soft_wrap=True, highlight=False, markup=False))


def _complete(archive: Archive, run_id: str, options: ReportOptions) -> bool:
    """Whether all that is asked for is recorded already."""
    reports = readings(archive, run_id)
    return (
        bool(reports)
        and not options.again
        and not (options.ablation and not _ablated(archive, run_id, reports[-1]))
        and not (options.controls and not _controlled(archive, run_id, reports[-1]))
    )


def _ablated(archive: Archive, run_id: str, report: Report) -> bool:
    return any(ablation.node == report.node for ablation in ablations(archive, run_id))


def _controlled(archive: Archive, run_id: str, report: Report) -> bool:
    """Whether there is a table for this reading and for all that the run has spent."""
    recorded = tables(archive, run_id)
    current = (report.reading, archive.tree(run_id).trials)
    return bool(recorded) and (recorded[-1].reading, recorded[-1].trials) == current


def _measure(archive: Archive, run_id: str, options: ReportOptions, change: SandboxChange) -> None:
    """Do what is missing, in a sandbox that is open for no longer than that."""
    say = console().print
    with reopen(archive, run_id, change, warn, proposes=options.controls) as run:
        reports = readings(archive, run_id)
        if options.again or not reports:
            say("measuring the best kept node on new sealed seeds ...")
            report(archive.run(run_id), run.lab, archive, run.workers)
            reports = readings(archive, run_id)
        if options.ablation and not _ablated(archive, run_id, reports[-1]):
            say(f"measuring {reports[-1].node} without each of its steps ...")
            ablate(run, reports[-1].number)
        if options.controls and not _controlled(archive, run_id, reports[-1]):
            say("running the controls ...")
            control(run, reports[-1], say)
