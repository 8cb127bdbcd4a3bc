"""Runs that share one chance of error: those of a task in an archive, under `--control archive`.

The j-th of them, in the order in which they were begun, may spend alpha j^-1.5 / zeta(3/2), which
sums to alpha however many there are. Within its share a run controls the chance of even one false
claim, as any other does. So the chance of one in all of them together is at most alpha, whichever
of them overlap in time, and whichever are taken up again later. That is also why nothing passes
from one to the next: a run may be resumed at any time, and then goes on under its own share.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..archive import Archive, ArchiveError
from ..evals.judge.levels import ZETA_3_2
from ..tasks import Task
from .run import Config

MANY = 10  # runs with a chance of error each, from which on a search says so
WAIT = 30.0  # seconds for another search to be numbered


def share(archive: Archive, task: str, before: str = "") -> float:
    """The part of alpha for the next run of a task, by digest; or for the run of the id `before`.

    A run whose record is damaged counts too, as it may have been one of them.
    """
    number = 1
    for run_id, record in archive.listed():
        if run_id == before:
            break
        if isinstance(record, ArchiveError):
            number += 1
        elif record.task_digest == task and not record.control_of:
            number += record.rule.control == "archive"
    return float(number**-1.5 / ZETA_3_2)


def start(archive: Archive, run_id: str, task: Task, config: Config) -> Config:
    """Record a run, and return its configuration: with its share under the control `archive`.

    Raises ArchiveError if another search does not come to its end in doing the same.
    """
    if config.rule.control != "archive":
        archive.start_run(run_id, task, config.model_dump(mode="json"))
        return config
    with _alone(archive, f"control-{task.digest}"):
        rule = config.rule.model_copy(update={"share": share(archive, task.digest)})
        config = config.model_copy(update={"rule": rule})
        archive.start_run(run_id, task, config.model_dump(mode="json"))
    return config


def warning(archive: Archive, task: Task, alpha: float) -> str:
    """What to say where many runs of a task have a chance of error each; "" where there are few."""
    count = sum(
        record.task_digest == task.digest
        and record.rule.standard == "claim"
        and record.rule.control != "archive"
        and not record.control_of
        for record in archive.runs()
    )
    if count < MANY:
        return ""
    return (
        f"this archive holds {count} runs of {task.name} already, and each has its own chance of "
        f"error: `--control archive` spends one of {100 * alpha:g} % over all runs from now on"
    )


@contextmanager
def _alone(archive: Archive, name: str) -> Iterator[None]:
    """Hold a name that no two processes can hold at once, waiting for it for a while."""
    ends = time.monotonic() + WAIT
    while True:
        lock = archive.hold(name)
        try:
            lock.__enter__()
        except ArchiveError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)
        else:
            break
    try:
        yield
    finally:
        lock.__exit__(None, None, None)
