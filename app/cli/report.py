"""The verb `report`: show what was read of the sealed split, and measure what was asked for."""

from contextlib import closing
from typing import NamedTuple

from rich.console import Console

from ...agents.base import AgentError
from ...agents.opening import open_agent
from ...archive import Archive, RunRecord, in_use, require_sound
from ...search.budget import Budget
from ...search.desk.purse import Purse
from ...search.run import Config, Run
from ...search.select import POLICIES
from ...search.studies.ablate import ablate, ablations
from ...search.studies.controls import control, tables
from ...search.studies.report import Report, readings, report
from ..pages.findings import draw, gather
from .output import show_or_dump
from .run import INTERRUPTED, Box, elsewhere, open_with_warning
from .terminal import guarded


class Asked(NamedTuple):
    """What to measure beyond the first reading."""

    again: bool
    ablation: bool
    controls: bool


class Means(NamedTuple):
    """What to measure with; no `sandbox` means that of the run."""

    sandbox: str | None
    workers: int
    accept_unisolated: bool


def show(name: str | None, asked: Asked, means: Means, where: str, as_json: bool) -> int:
    """Print the report of a run, measuring what is missing first. Returns the exit code."""
    archive = Archive(where)
    record = archive.run(name)
    config = Config.of(record)
    if asked.controls and config.control_of:
        raise AgentError(f"run {record.id} is itself a control of {config.control_of}")
    kept = archive.tree(record.id).best() is not None
    if kept and not _complete(archive, record.id, asked):
        try:
            _measure(archive, record, config, asked, means)
        except KeyboardInterrupt:
            console().print("stopped. What was measured is kept: the same command goes on.")
            return INTERRUPTED
    found = gather(archive, record, elsewhere(archive))
    show_or_dump(found.record() if as_json else found, as_json, draw)
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
    return any(each.node == read.node for each in ablations(archive, run))


def _controlled(archive: Archive, run: str, read: Report) -> bool:
    """Whether there is a table for this reading and for all that the run has spent."""
    budget = archive.tree(run).trials
    held = tables(archive, run)
    return bool(held) and (held[-1].reading, held[-1].trials) == (read.reading, budget)


def _measure(
    archive: Archive, record: RunRecord, config: Config, asked: Asked, means: Means
) -> None:
    """Do what is missing, in a sandbox that is open for no longer than that."""
    say, run_id = console().print, record.id
    sandbox = means.sandbox or config.sandbox
    box = Box(sandbox, means.workers, means.accept_unisolated, config.sharing)
    # An agent of the user's is only needed, and only opened, for the control that proposes with it.
    agent = open_agent(config.agent if asked.controls else "seed_only", archive)
    task = archive.task(run_id)
    models = config.models if asked.controls or task.manifest.model else None
    with (
        closing(Purse(archive, run_id, models, Budget(config.caps))) as own,
        closing(open_with_warning(box)) as backend,
        archive.hold(run_id),
    ):
        require_sound(in_use(archive.tree(run_id)), task, backend.isolation != "none")
        lab = own.lab(task, backend, strict=config.sharing == "strict")
        select = POLICIES.get(config.select, POLICIES["dgm"])
        run = Run(
            run_id,
            config,
            agent,
            select,
            lab,
            archive,
            means.workers,
            budget=own.budget,
            cassette=own.cassette,
        )
        read = readings(archive, run_id)
        if asked.again or not read:
            say("measuring the best kept node on sealed seeds and unseen workloads ...")
            report(record, lab, archive, means.workers)
            read = readings(archive, run_id)
        if asked.ablation and not _ablated(archive, run_id, read[-1]):
            say(f"measuring {read[-1].node} without each of its steps ...")
            ablate(run, read[-1].number)
        if asked.controls and not _controlled(archive, run_id, read[-1]):
            say("running the controls ...")
            control(run, read[-1], say)
