"""Run a search in the terminal: set it up, show it live, stop it cleanly, and sum it up."""

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

from ..agents.approve import Mode
from ..agents.base import Agent, AgentError, open_agent
from ..agents.budget import Budget, BudgetSpent, Caps
from ..agents.lab import Lab
from ..agents.model import ModelError
from ..agents.run import Config, Run
from ..agents.search import search, within
from ..agents.select import POLICIES
from ..archive import Archive
from ..evals import Keys, fresh_key, key_from
from ..sandbox import Sandbox, open_sandbox
from ..tasks import load
from . import view
from .approve import asker
from .budget import BudgetError, Plan, Standards, settle
from .findings import draw, read_once
from .live import Live
from .models import Wanted, foresee_spending, settle_models
from .purse import Purse, checkpoints, exists, forget, purse, stop_file
from .sentences import fruitless

DEFAULT = ".ratchet/archive.db"
INTERRUPTED = 130
NOTHING_VALID = 4


class Box(NamedTuple):
    """Which sandbox to open, and how."""

    sandbox: str
    workers: int
    accept_unisolated: bool
    isolation: Literal["shared", "strict"]


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
    task, (seed, secret), console = load(order.task), order.chance, view.console()
    agent = open_agent(order.agent, Archive(where) if exists(where) else None)
    select = order.select or str(getattr(agent, "select", "dgm"))
    check_policy(select)
    models = settle_models(order.models, agent, task, order.agent)
    if models is not None:
        foresee_spending(models, agent, task, order.caps, console)
    keys = Keys(fresh_key() if seed is None else key_from(seed), secret or fresh_key())
    with closing(open_with_warning(box)) as backend, ExitStack() as stack:
        archive = Archive(where, create=True)
        run = _new_id(archive)
        means = stack.enter_context(closing(purse(archive, run, models, order.caps)))
        with polite():
            try:
                console.print(f"warming the {backend.name} sandbox up ...")
                lab = means.lab(task, backend, strict=box.isolation == "strict")
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
            isolation=box.isolation,
            seed=seed,
            key=keys.steer,
            secret=keys.sealed,
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
        return _search(means, config, agent, lambda: lab, order.minutes, box.workers)


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
    archive = Archive(where)
    row = archive.run(name)
    config = Config.model_validate(row["config"])
    if turns is not None:
        config = config.model_copy(update={"turns": turns})
    given = caps.model_dump(exclude_none=True)
    config = config.model_copy(update={"caps": config.caps.model_copy(update=given)})
    if config.turns is None and minutes is None:
        minutes = 5.0
    task, agent = archive.task(row["id"]), open_agent(config.agent, archive)
    box = Box(sandbox or config.sandbox, workers, accept_unisolated, config.isolation)
    with (
        closing(purse(archive, row["id"], config.models, config.caps)) as means,
        closing(open_with_warning(box)) as backend,
    ):

        def warm() -> Lab:
            view.console().print(f"run {row['id']}: warming the {backend.name} sandbox up ...")
            lab = means.lab(task, backend, strict=config.isolation == "strict")
            lab.charge(means.budget)
            return lab

        return _search(means, config, agent, warm, minutes, workers)


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
        strict=box.isolation == "strict",
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
    agent: Agent,
    open_lab: Callable[[], Lab],
    minutes: float | None,
    workers: int,
) -> int:
    archive, run_id = means.archive, means.run
    again = f"ratchet resume {run_id}{elsewhere(archive)}"
    console, stop = view.console(), stop_file(archive, run_id)
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
                prompt=asker(console),
                checkpoints=checkpoints(archive, run_id),
            )
            archive.log(run_id, "started", {"environment": lab.environment, "workers": workers})
            began = time.monotonic()
            with Live(run, minutes, console, panel=config.approve == "never") as live:
                for node in search(run, within(minutes, stop)):
                    live.add(node)
            reason = "asked to" if stop.exists() else "budget"
            _stopped(means, reason, seconds=time.monotonic() - began)
            found = _sum_up(means, lab, console, workers)
        except KeyboardInterrupt:
            _stopped(means, "interrupted")
            console.print(
                f"\nstopped. Everything finished is in the archive. Go on with:\n  {again}"
            )
            return INTERRUPTED
        except ModelError as error:
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


def _sum_up(means: Purse, lab: Lab, console: Console, workers: int) -> int:
    """Read the sealed seeds, print the tree and what to do next; returns the exit code."""
    archive = means.archive
    row, tree = archive.run(means.run), archive.tree(means.run)
    best = tree.best()
    lab.charge(Budget())  # the reading is no part of the search, nor of what it may evaluate
    reading: RenderableType = "nothing was confirmed: the start and the baselines stand."
    if best is not None:
        try:
            found = read_once(row, lab, archive, workers, console.print, elsewhere(archive))
            reading = draw(found)
        except BudgetSpent as error:
            reading = f"the sealed seeds were not read: {error}; `ratchet report` reads them"
    console.print(view.tree_view(row, tree, every=False))
    console.print(reading)
    console.print(view.next_commands(tree, best, elsewhere(archive)))
    for words in means.account():
        console.print(words)
    made = [node for node in tree if node.verdict is not None]
    if not made or any(node.evidence and node.standing != "invalid" for node in made):
        return 0
    console.print(fruitless(made))
    return NOTHING_VALID


def elsewhere(archive: Archive) -> str:
    """What a command has to add to find an archive that is not in the usual place."""
    return "" if archive.where == DEFAULT else f" --archive {shlex.quote(archive.where)}"


@contextmanager
def polite() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> Any:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _new_id(archive: Archive) -> str:
    taken = {row["id"] for row in archive.runs()}
    for _ in range(100):
        name = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))
        if name not in taken and not name.isdigit():
            return name
    sys.exit("error: no free run id in a hundred draws; use another archive")
