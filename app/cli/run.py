"""Run a search in the terminal: show it live, stop it cleanly, and sum it up."""

import os
import shlex
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import FrameType
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from ...agents.base import AgentError, BudgetSpent
from ...agents.llm import ModelError
from ...archive import Archive, Node, RunRecord
from ...places import ARCHIVE
from ...search.begin import begin, take_up
from ...search.budget import Budget
from ...search.desk.consent import Unanswered
from ...search.order import Extension, Order, SandboxChange, SandboxChoice
from ...search.run import Run
from ...search.session import Session
from ...search.studies.report import transfers
from ..pages.findings import read_once
from ..pages.sentences import fruitless
from . import view
from .approve import asker
from .draw_report import draw
from .live import Live
from .output import INTERRUPTED
from .terminal import console as open_console
from .terminal import speaker, warn

SECRET = '"$RATCHET_ARCHIVE"'  # as a shell takes it
NOTHING_VALID = 4


def start(order: Order, choice: SandboxChoice, where: str) -> int:
    """Begin a run and search until the budget is gone. Returns the exit code; raises as `begin`."""
    console = open_console()
    beginning = begin(order, choice, where, speaker(console), warn, partial(asker, console))
    return _conduct(beginning, console, "stopped before the run began: start it again as you did.")


def resume(name: str | None, extension: Extension, change: SandboxChange, where: str) -> int:
    """Go on with a run under its own configuration. Returns the exit code; raises as `take_up`."""
    console, archive = open_console(), Archive(where)
    run_id = archive.run(name).id
    ask = partial(asker, console)
    resuming = take_up(archive, run_id, extension, change, speaker(console), warn, ask)
    return _conduct(resuming, console, _stopped(run_id, archive))


def _conduct(opening: AbstractContextManager[Session], console: Console, stopped: str) -> int:
    """Search to the end, and sum it up. `stopped` is what to say where it does not even begin."""
    since = time.monotonic()
    began = False
    try:
        with polite(), opening as session:
            began, stopped = True, _stopped(session.run.id, session.run.archive)
            _mind_secret(session.run.archive, console)
            _follow(session, console)
            code = _sum_up(session, console)
            whole, search = view.clock(time.monotonic() - since), view.clock(session.seconds)
            console.print(f"this session took {whole}, of which the search {search}")
            return code
    except KeyboardInterrupt:
        console.print(f"\n{stopped}")
        return INTERRUPTED
    except (AgentError, ModelError, Unanswered):
        if began:
            console.print(f"\n{stopped}")
        raise


def _stopped(run_id: str, archive: Archive) -> str:
    again = f"ratchet resume {run_id}{archive_option(archive)}"
    return f"stopped. Everything finished is in the archive. Go on with:\n  {again}"


def _mind_secret(archive: Archive, console: Console) -> None:
    """Say that the archive's URL is not printed, where it holds a password."""
    if archive.place.secret and os.environ.get("RATCHET_ARCHIVE") != archive.where:
        console.print(
            "the archive's URL holds a password, so it is not printed: set RATCHET_ARCHIVE to it "
            "for the commands below"
        )


def _follow(session: Session, console: Console) -> None:
    """Show a search live, until it ends."""
    asks = session.run.config.approve != "never"
    with Live(session.run, session.minutes, console, panel=not asks) as live:
        for node in session.nodes():
            live.add(node)


def _sum_up(session: Session, console: Console) -> int:
    """Read the sealed seeds, print the tree and what to do next; returns the exit code."""
    run, archive = session.run, session.run.archive
    record, tree = archive.run(run.id), archive.tree(run.id)
    best = tree.best()
    console.print(Text(f"the search has ended: {session.reason}"))
    reading = _read_sealed(run, record, best, console)
    console.print(view.tree_view(record, tree, False, transfers(archive, run.id)))
    console.print(reading)
    console.print(view.next_commands(run.id, best, archive_option(archive)))
    for line in session.purse.account():
        console.print(line)
    proposals = tree.proposals()
    if any(node.measured for node in proposals):
        return 0
    console.print(Text(fruitless(proposals)))
    return NOTHING_VALID


def _read_sealed(
    run: Run, record: RunRecord, best: Node | None, console: Console
) -> RenderableType:
    """What the sealed seeds say of the best node, or why they were not read."""
    if best is None:
        return "nothing was confirmed: the start and the baselines stand."
    run.lab.charge(Budget())  # the reading is no part of the search, nor of what that may spend
    option = archive_option(run.archive)
    try:
        return draw(read_once(record, run.lab, run.archive, run.workers, console.print, option))
    except BudgetSpent as error:
        return f"the sealed seeds were not read: {error}; `ratchet report` reads them"


def archive_option(archive: Archive) -> str:
    """The option by which a command finds an archive; empty where that is in the usual place.

    A URL with a password is not printed: it belongs into RATCHET_ARCHIVE, as `_mind_secret` says.
    """
    if archive.where == ARCHIVE:
        return ""
    return f" --archive {SECRET if archive.place.secret else shlex.quote(archive.where)}"


@contextmanager
def polite() -> Iterator[None]:
    """Take SIGTERM, and a terminal that is closed, for Ctrl-C.

    What was started to outlive its terminal, as with `nohup`, goes on.
    """

    def interrupt(number: int, frame: FrameType | None) -> Any:
        raise KeyboardInterrupt

    signals = [signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signals.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
