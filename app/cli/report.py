"""The verb `report`: show what was read of the sealed split, and measure what was asked for."""

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
from ..pages.findings import draw, gather
from .output import show_or_dump
from .run import INTERRUPTED, elsewhere
from .terminal import guarded, warn


class Asked(NamedTuple):
    """What to measure beyond the first reading."""

    again: bool
    ablation: bool
    controls: bool


def show(name: str | None, asked: Asked, change: SandboxChange, where: str, as_json: bool) -> int:
    """Print the report of a run, measuring what is missing first. Returns the exit code."""
    archive = Archive(where)
    record = archive.run(name)
    config = Config.of(record)
    if asked.controls and config.control_of:
        raise AgentError(f"run {record.id} is itself a control of {config.control_of}")
    kept = archive.tree(record.id).best() is not None
    if kept and not _complete(archive, record.id, asked):
        try:
            _measure(archive, record.id, asked, change)
        except KeyboardInterrupt:
            console().print("stopped. What was measured is kept: the same command goes on.")
            return INTERRUPTED
    findings = gather(archive, record, elsewhere(archive))
    show_or_dump(findings.record() if as_json else findings, as_json, draw)
    return 0


def console() -> Console:
    """Standard error, so that what is printed of the progress is no part of the JSON."""
    return guarded(Console(stderr=True, soft_wrap=True, highlight=False, markup=False))


def _complete(archive: Archive, run: str, asked: Asked) -> bool:
    """Whether all that was asked for is recorded already."""
    read = readings(archive, run)
    return (
        bool(read)
        and not asked.again
        and not (asked.ablation and not _ablated(archive, run, read[-1]))
        and not (asked.controls and not _controlled(archive, run, read[-1]))
    )


def _ablated(archive: Archive, run: str, read: Report) -> bool:
    return any(ablation.node == read.node for ablation in ablations(archive, run))


def _controlled(archive: Archive, run: str, read: Report) -> bool:
    """Whether there is a table for this reading and for all that the run has spent."""
    recorded = tables(archive, run)
    wanted = (read.reading, archive.tree(run).trials)
    return bool(recorded) and (recorded[-1].reading, recorded[-1].trials) == wanted


def _measure(archive: Archive, run_id: str, asked: Asked, change: SandboxChange) -> None:
    """Do what is missing, in a sandbox that is open for no longer than that."""
    say = console().print
    with reopen(archive, run_id, change, warn, proposes=asked.controls) as run:
        read = readings(archive, run_id)
        if asked.again or not read:
            say("measuring the best kept node on sealed seeds and unseen workloads ...")
            report(archive.run(run_id), run.lab, archive, run.workers)
            read = readings(archive, run_id)
        if asked.ablation and not _ablated(archive, run_id, read[-1]):
            say(f"measuring {read[-1].node} without each of its steps ...")
            ablate(run, read[-1].number)
        if asked.controls and not _controlled(archive, run_id, read[-1]):
            say("running the controls ...")
            control(run, read[-1], say)
