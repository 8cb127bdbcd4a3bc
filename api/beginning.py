"""Searches begun and taken up from a program; they go on in a thread of this process."""

import logging
import math
import re
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Literal

from .archive import Archive as Store
from .growth import Growth
from .places import place
from .problems import named
from .runs import Run
from .search import begin as setting_up
from .search.budget import Caps
from .search.desk.consent import Mode
from .search.desk.wanted import Wanted
from .search.order import Chance, Extension, Order, SandboxChange, SandboxChoice, Say
from .search.plan import Standards
from .search.session import Session

MOST_WORKERS = 256

log = logging.getLogger(__name__)


def search(
    task: str | Path,
    agent: str,
    minutes: float | None,
    turns: int | None,
    seed: int | None,
    secret: str | None,
    select: str | None,
    sandbox: str,
    workers: int,
    accept_unisolated: bool,
    sharing: Literal["shared", "strict"],
    archive: str | Path | None,
    standards: Standards | None,
    models: Wanted | str | None,
    caps: Caps | None,
    approve: Mode,
    say: Say | None,
) -> Run:
    """What `ratchet.search` says, which names the defaults."""
    _check_extent(minutes, turns, workers)
    _check_chance(seed, secret)
    _check_standards(standards or Standards())
    order = Order(
        task=named(task),
        agent=agent,
        select=select,
        turns=turns,
        minutes=minutes,
        caps=caps or Caps(),
        chance=Chance(seed, secret),
        standards=standards or Standards(),
        models=Wanted((models,)) if isinstance(models, str) else models or Wanted(),
        approve=approve,
    )
    choice = SandboxChoice(sandbox, workers, accept_unisolated, sharing)
    return _growing(setting_up.begin(order, choice, place(archive), say or _nothing, log.warning))


def resume(
    run: str | Run | None = None,
    *,
    minutes: float | None = None,
    turns: int | None = None,
    caps: Caps | None = None,
    sandbox: str | None = None,
    workers: int = 2,
    accept_unisolated: bool = False,
    archive: str | Path | None = None,
    say: Say | None = None,
) -> Run:
    """Go on with a run, under its own configuration, where it was stopped, killed or ended.

    `run` is one of `ratchet.open`, or an id or the unique beginning of one in `archive`; unless
    told, the newest. It lasts for `minutes` of the clock, or until it has made `turns` proposals
    all in all; 5 minutes where neither the run nor the call says. Caps that are given take the
    place of the run's, and what earlier sessions spent still counts. `sandbox` is that of the run
    unless told. The rest is as for `ratchet.search`, whose errors it raises; ArchiveError also
    where another process searches the run.
    """
    _check_extent(minutes, turns, workers)
    held = run._archive if isinstance(run, Run) else Store(place(archive))
    name = held.run(run.id if isinstance(run, Run) else run).id
    extension = Extension(turns, minutes, caps or Caps())
    change = SandboxChange(sandbox, workers, accept_unisolated)
    return _growing(setting_up.take_up(held, name, extension, change, say or _nothing, log.warning))


def _growing(opening: AbstractContextManager[Session]) -> Run:
    """Set a session up here, so that its errors are raised here, and let a thread search it."""
    with ExitStack() as stack:
        session = stack.enter_context(opening)
        parts = session.run

        def stop() -> None:
            session.stop()
            parts.budget.close()

        growth = Growth(parts.id, session.nodes(), stop, stack.pop_all())
    return Run(parts.archive, parts.id, growth)


def _nothing(message: str) -> None:
    """Say nothing."""


def _check_extent(minutes: float | None, turns: int | None, workers: int) -> None:
    if minutes is not None and not 0 < minutes < math.inf:
        raise ValueError(f"minutes is {minutes}: give a number above 0")
    if turns is not None and turns < 1:
        raise ValueError(f"turns is {turns}: give a whole number of at least 1")
    if not 1 <= workers <= MOST_WORKERS:
        raise ValueError(f"workers is {workers}: give a whole number from 1 to {MOST_WORKERS}")


def _check_chance(seed: int | None, secret: str | None) -> None:
    if seed is not None and seed < 0:
        raise ValueError(f"seed is {seed}: give a whole number of at least 0")
    if secret is not None and re.fullmatch(r"[0-9a-f]{32}", secret) is None:
        raise ValueError("secret is not 32 hexadecimal digits: give one as archived runs have it")


def _check_standards(standards: Standards) -> None:
    if not 1e-6 <= standards.alpha <= 0.5:
        raise ValueError(f"alpha is {standards.alpha}: give a chance of error from 1e-6 to 0.5")
    if standards.effect is not None and not 0 <= standards.effect < math.inf:
        raise ValueError(f"effect is {standards.effect}: give a gain in the metric's unit, or None")
