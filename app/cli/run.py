"""Run a search in the terminal: set it up, show it live, stop it cleanly, and sum it up."""

import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from types import FrameType
from typing import Any, Literal, NamedTuple

from rich.console import Console, RenderableType
from rich.text import Text

from ...agents.base import AgentError, BudgetSpent
from ...agents.llm import ModelError
from ...agents.opening import Opened, open_agent
from ...archive import Archive, in_use, require_sound
from ...evals import Keys, key_from
from ...sandbox import Sandbox, open_sandbox
from ...search.budget import Budget, Caps
from ...search.desk.consent import Mode, Unanswered
from ...search.desk.purse import Purse, checkpoints, exists, forget, purse, stop_file
from ...search.lab import Lab
from ...search.loop import search, within
from ...search.plan import BudgetError, Plan, Standards, check_bounded, check_caps, settle
from ...search.run import Config, Run
from ...search.select import POLICIES
from ...tasks import load
from ..pages.findings import draw, read_once
from ..pages.sentences import fruitless
from . import view
from .approve import asker
from .live import Live
from .models import Wanted, foresee_spending, settle_models

DEFAULT = ".ratchet/archive.db"
SECRET = '"$RATCHET_ARCHIVE"'  # as a shell takes it
INTERRUPTED = 130
NOTHING_VALID = 4


class Box(NamedTuple):
    """Which sandbox to open, and how."""

    sandbox: str
    workers: int
    accept_unisolated: bool
    sharing: Literal["shared", "strict"]


class Order(NamedTuple):
    """What a search is asked to do: on what, by whom, and with what at most.

    `chance` is the seed and the secret, each drawn where it is None.
    """

    task: str
    agent: str
    select: str | None
    turns: int | None
    minutes: float | None
    caps: Caps
    chance: tuple[int | None, str | None]
    standards: Standards
    models: Wanted
    approve: Mode


def start(order: Order, box: Box, where: str) -> int:
    """Begin a run and search until the budget is gone. Returns the exit code.

    Raises BudgetError if the budget cannot find the effect that the standards name, and
    ModelChoiceError where a model is needed and none is named.
    """
    began = time.monotonic()
    task, (seed, secret), console = load(order.task), order.chance, view.console()
    agent = open_agent(order.agent, Archive(where) if exists(where) else None)
    select = agent.select if order.select is None else order.select
    check_policy(select)
    check_caps(task, order.caps)
    models = settle_models(order.models, agent, task, order.agent)
    if order.turns is None and order.minutes is None:
        check_bounded(task, order.caps, models is not None)
    if models is not None:
        foresee_spending(models, agent, task, order.caps, console)
    keys = Keys.fresh("" if seed is None else key_from(seed), secret or "")
    with closing(open_with_warning(box)) as backend, ExitStack() as stack:
        archive = Archive(where, create=True)
        run = _new_id(archive)
        means = stack.enter_context(closing(purse(archive, run, models, order.caps)))
        with polite():
            try:
                console.print(f"warming the {backend.name} sandbox up ...")
                lab = means.lab(task.keyed(keys.data), backend, box.sharing == "strict")
                plan = Plan(order.minutes, box.workers, 1 + len(task.baselines))
                rule = settle(lab, archive, keys, order.standards, plan, console)
            except BudgetSpent as error:
                raise BudgetError(
                    f"the budget does not reach to measure the noise: {error}"
                ) from error
            except KeyboardInterrupt:
                console.print("\nstopped before the run began: start it again as you did.")
                return INTERRUPTED
        config = Config(
            task=task.name,
            agent=order.agent,
            select=select,
            sandbox=box.sandbox,
            sharing=box.sharing,
            seed=seed,
            key=keys.steer,
            secret=keys.sealed,
            data=keys.data,
            lag=2 * box.workers - 1,
            turns=order.turns,
            schedule=order.standards.schedule,
            company=True,
            rule=rule,
            models=models,
            caps=order.caps,
            approve=order.approve,
        )
        lab.charge(means.budget)  # what was measured so far serves every run
        archive.start_run(run, task, config.model_dump(mode="json"))
        return _search(means, config, agent, lambda: lab, order.minutes, box.workers, began)


def resume(
    name: str | None,
    turns: int | None,
    minutes: float | None,
    caps: Caps,
    sandbox: str | None,
    workers: int,
    accept_unisolated: bool,
    where: str,
) -> int:
    """Go on with a run under its own configuration. Returns the exit code.

    A cap that is given takes the place of the run's; what earlier sessions spent still counts.
    """
    began = time.monotonic()
    archive = Archive(where)
    record = archive.run(name)
    config = Config.of(record)
    if turns is not None:
        config = config.model_copy(update={"turns": turns})
    given = caps.model_dump(exclude_none=True)
    config = config.model_copy(update={"caps": config.caps.model_copy(update=given)})
    if config.turns is None and minutes is None:
        minutes = 5.0
    task, agent = archive.task(record.id), open_agent(config.agent, archive)
    require_sound(in_use(archive.tree(record.id)), task)
    check_caps(task, config.caps)
    box = Box(sandbox or config.sandbox, workers, accept_unisolated, config.sharing)
    with (
        closing(purse(archive, record.id, config.models, config.caps)) as means,
        closing(open_with_warning(box)) as backend,
    ):

        def warm() -> Lab:
            view.console().print(f"run {record.id}: warming the {backend.name} sandbox up ...")
            lab = means.lab(task, backend, strict=config.sharing == "strict")
            lab.charge(means.budget)
            return lab

        return _search(means, config, agent, warm, minutes, workers, began)


def check_policy(select: str) -> None:
    """Raise AgentError unless there is such a selection policy."""
    if select not in POLICIES:
        raise AgentError(f"no selection policy {select!r}: use one of {', '.join(POLICIES)}")


def open_with_warning(box: Box) -> Sandbox:
    """Open a sandbox, and say once what it does not isolate."""
    backend = open_sandbox(
        box.sandbox,
        box.workers,
        accept_unisolated=box.accept_unisolated,
        strict=box.sharing == "strict",
    )
    if backend.isolation == "none":
        Console(stderr=True, soft_wrap=True).print(
            f"[yellow]warning:[/] the {backend.name} sandbox does not isolate: a candidate could "
            "read your files, use your network and write its own scores. What it measures is "
            "unvalidated, and is not built on until `ratchet replay` reproduces it with isolation."
        )
    return backend


def _search(
    means: Purse,
    config: Config,
    agent: Opened,
    open_lab: Callable[[], Lab],
    minutes: float | None,
    workers: int,
    since: float,
) -> int:
    archive, run_id = means.archive, means.run
    again = f"ratchet resume {run_id}{elsewhere(archive)}"
    console, stop = view.console(), stop_file(archive, run_id)
    if archive.place.secret and os.environ.get("RATCHET_ARCHIVE") != archive.where:
        console.print(
            "the archive's URL holds a password, so it is not printed: set RATCHET_ARCHIVE to it "
            "for the commands below"
        )
    with archive.hold(run_id), polite():
        stop.unlink(missing_ok=True)
        try:
            lab = open_lab()
            run = Run(
                id=run_id,
                config=config,
                agent=agent,
                select=POLICIES[config.select],
                lab=lab,
                archive=archive,
                workers=workers,
                budget=means.budget,
                cassette=means.cassette,
                prompt=asker(console, lab.task),
                checkpoints=checkpoints(archive, run_id),
            )
            archive.log(run_id, "started", {"environment": lab.environment, "workers": workers})
            began, reasons = time.monotonic(), list[str]()
            means.budget.begin(None if minutes is None else 60 * minutes)
            with Live(run, minutes, console, panel=config.approve == "never") as live:
                for node in search(run, within(stop), reasons.append):
                    live.add(node)
                    _note_gpus(means, lab)
            took = time.monotonic() - began
            reason = next(filter(None, reasons), "") or "asked to"
            _stopped(means, reason, seconds=took)
            found = _sum_up(means, lab, console, workers, reason)
            whole = view.clock(time.monotonic() - since)
            console.print(f"this session took {whole}, of which the search {view.clock(took)}")
        except KeyboardInterrupt:
            _stopped(means, "interrupted")
            console.print(
                f"\nstopped. Everything finished is in the archive. Go on with:\n  {again}"
            )
            return INTERRUPTED
        except (AgentError, ModelError, Unanswered) as error:
            _stopped(means, str(error))
            console.print(f"\nstopped. Everything finished is archived. Go on with:\n  {again}")
            raise
        stop.unlink(missing_ok=True)
    forget(archive, run_id)
    return found


def _stopped(means: Purse, reason: str, **facts: float) -> None:
    """Record why and when a session ended, and what the run has spent by then."""
    data = {"reason": reason, "spent": means.budget.spent, **facts}
    means.archive.log(means.run, "stopped", data)


def _note_gpus(means: Purse, lab: Lab) -> None:
    """Record what GPUs have cost so far, so that a kill forgets no more than is on its way."""
    if lab.task.limits.gpus:
        means.archive.log(means.run, "spent", {"spent": means.budget.spent})


def _sum_up(means: Purse, lab: Lab, console: Console, workers: int, reason: str) -> int:
    """Read the sealed seeds, print the tree and what to do next; returns the exit code."""
    archive = means.archive
    record, tree = archive.run(means.run), archive.tree(means.run)
    best = tree.best()
    console.print(Text(f"the search has ended: {reason}"))
    lab.charge(Budget())  # the reading is no part of the search, nor of what it may evaluate
    reading: RenderableType = "nothing was confirmed: the start and the baselines stand."
    if best is not None:
        try:
            found = read_once(record, lab, archive, workers, console.print, elsewhere(archive))
            reading = draw(found)
        except BudgetSpent as error:
            reading = f"the sealed seeds were not read: {error}; `ratchet report` reads them"
    console.print(view.tree_view(record, tree, every=False))
    console.print(reading)
    console.print(view.next_commands(means.run, best, elsewhere(archive)))
    for words in means.account():
        console.print(words)
    made = tree.proposals()
    if any(node.measured for node in made):
        return 0
    console.print(Text(fruitless(made)))
    return NOTHING_VALID


def elsewhere(archive: Archive) -> str:
    """What a command has to add to find an archive that is not in the usual place.

    A URL with a password is not printed: it belongs into RATCHET_ARCHIVE, as `_search` says.
    """
    if archive.where == DEFAULT:
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


def _new_id(archive: Archive) -> str:
    taken = {record.id for record in archive.runs()}
    for _ in range(100):
        name = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))
        if name not in taken and not name.isdigit():
            return name
    sys.exit("error: no free run id in a hundred draws; use another archive")
