"""Run a search in the terminal: set it up, show it live, stop it cleanly, and sum it up."""

import secrets
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import Any, Literal, NamedTuple

from rich.console import Console

from ..agents.base import AgentError, open_agent
from ..agents.lab import Lab
from ..agents.run import Config, Run
from ..agents.search import search, within
from ..agents.select import POLICIES
from ..archive import Archive
from ..evals import Keys, fresh_key, key_from
from ..sandbox import Sandbox, open_sandbox
from ..tasks import load
from . import view
from .budget import Budget, Standards, settle
from .findings import draw, read_once
from .live import Live

DEFAULT = ".ratchet/archive.db"
INTERRUPTED = 130
NOTHING_VALID = 4


class Box(NamedTuple):
    """Which sandbox to open, and how."""

    sandbox: str
    workers: int
    accept_unisolated: bool
    isolation: Literal["shared", "strict"]


def start(
    task_name: str,
    agent: str,
    select: str,
    box: Box,
    turns: int | None,
    minutes: float | None,
    chance: tuple[int | None, str | None],
    standards: Standards,
    where: str,
) -> int:
    """Begin a run and search until the budget is gone. Returns the exit code.

    `chance` is the seed and the secret, each drawn where it is None. Raises BudgetError if the
    budget cannot find the effect that the standards name.
    """
    task, (seed, secret) = load(task_name), chance
    open_agent(agent)
    check_policy(select)
    keys = Keys(fresh_key() if seed is None else key_from(seed), secret or fresh_key())
    with closing(open_with_warning(box)) as backend:
        archive, console = Archive(where, create=True), view.console()
        with _polite():
            try:
                console.print(f"warming the {backend.name} sandbox up ...")
                lab = Lab(task, backend, archive, strict=box.isolation == "strict")
                budget = Budget(minutes, box.workers, 1 + len(task.baselines))
                rule = settle(lab, archive, keys, standards, budget, console)
            except KeyboardInterrupt:
                console.print("\nstopped before the run began: start it again as you did.")
                return INTERRUPTED
        config = Config(
            task=task.name,
            agent=agent,
            select=select,
            sandbox=box.sandbox,
            isolation=box.isolation,
            seed=seed,
            key=keys.steer,
            secret=keys.sealed,
            lag=2 * box.workers - 1,
            turns=turns,
            schedule=standards.schedule,
            rule=rule,
        )
        run = _new_id(archive)
        archive.start_run(run, task, config.model_dump(mode="json"))
        return _search(archive, run, config, lambda: lab, minutes, box.workers)


def resume(
    name: str | None,
    turns: int | None,
    minutes: float | None,
    sandbox: str | None,
    workers: int,
    accept_unisolated: bool,
    where: str,
) -> int:
    """Go on with a run under its own configuration. Returns the exit code."""
    archive = Archive(where)
    row = archive.run(name)
    config = Config.model_validate(row["config"])
    if turns is not None:
        config = config.model_copy(update={"turns": turns})
    if config.turns is None and minutes is None:
        minutes = 5.0
    task = archive.task(row["id"])
    box = Box(sandbox or config.sandbox, workers, accept_unisolated, config.isolation)
    with closing(open_with_warning(box)) as backend:

        def warm() -> Lab:
            view.console().print(f"run {row['id']}: warming the {backend.name} sandbox up ...")
            return Lab(task, backend, archive, strict=config.isolation == "strict")

        return _search(archive, row["id"], config, warm, minutes, workers)


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
    archive: Archive,
    run_id: str,
    config: Config,
    open_lab: Callable[[], Lab],
    minutes: float | None,
    workers: int,
) -> int:
    again = f"ratchet resume {run_id}{elsewhere(archive)}"
    console = view.console()
    with archive.hold(run_id), _polite():
        try:
            lab = open_lab()
            run = Run(
                id=run_id,
                config=config,
                agent=open_agent(config.agent),
                select=POLICIES[config.select],
                lab=lab,
                archive=archive,
                workers=workers,
            )
            archive.log(run_id, "started", {"environment": lab.environment, "workers": workers})
            began = time.monotonic()
            with Live(run, minutes, console) as live:
                for node in search(run, within(minutes)):
                    live.add(node)
            archive.log(
                run_id, "stopped", {"reason": "budget", "seconds": time.monotonic() - began}
            )
            found = _sum_up(archive, run_id, lab, console, workers)
        except KeyboardInterrupt:
            archive.log(run_id, "stopped", {"reason": "interrupted"})
            console.print(
                f"\nstopped. Everything finished is in the archive. Go on with:\n  {again}"
            )
            return INTERRUPTED
    return found


def _sum_up(archive: Archive, run_id: str, lab: Lab, console: Console, workers: int) -> int:
    """Read the sealed seeds, print the tree and what to do next; returns the exit code."""
    row, tree = archive.run(run_id), archive.tree(run_id)
    best = tree.best()
    if best is not None:
        found = read_once(row, lab, archive, workers, console.print, elsewhere(archive))
        console.print(view.tree_view(row, tree, every=False))
        console.print(draw(found))
    else:
        console.print(view.tree_view(row, tree, every=False))
        console.print("nothing was confirmed: the start and the baselines stand.")
    console.print(view.next_commands(tree, best, elsewhere(archive)))
    made = [node for node in tree if node.verdict is not None]
    return NOTHING_VALID if made and all(n.standing == "invalid" for n in made) else 0


def elsewhere(archive: Archive) -> str:
    """What a command has to add to find an archive that is not in the usual place."""
    return "" if archive.where == DEFAULT else f" --archive {shlex.quote(archive.where)}"


@contextmanager
def _polite() -> Iterator[None]:
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
