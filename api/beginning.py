"""Searches begun and taken up from a program; they go on in a thread of this process."""

import logging
import math
import re
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from .archive import Archive as Store
from .growth import Growth
from .places import place
from .runs import Run
from .search import begin as setting_up
from .search.budget import Caps
from .search.desk.wanted import Wanted
from .search.order import Chance, Extension, Order, SandboxChange, SandboxChoice, Say
from .search.plan import Standards
from .search.session import Session

MOST_WORKERS = 256

log = logging.getLogger(__name__)


def search(order: Order, choice: SandboxChoice, archive: str | Path | None, say: Say | None) -> Run:
    """Begin what `ratchet.search` was asked for, and return its Run.

    Raises ValueError for a number out of range, and what `search.begin.begin` raises.
    """
    _check_extent(order.minutes, order.turns, choice.workers)
    _check_chance(order.chance)
    _check_standards(order.standards)
    return _growing(setting_up.begin(order, choice, place(archive), say or _nothing, log.warning))


def wanted(models: Wanted | str | None) -> Wanted:
    """The language models that are asked for, also by one name."""
    return Wanted((models,)) if isinstance(models, str) else models or Wanted()


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


def _check_chance(chance: Chance) -> None:
    if chance.seed is not None and chance.seed < 0:
        raise ValueError(f"seed is {chance.seed}: give a whole number of at least 0")
    if chance.secret is not None and re.fullmatch(r"[0-9a-f]{32}", chance.secret) is None:
        raise ValueError("secret is not 32 hexadecimal digits: give one as archived runs have it")


def _check_standards(standards: Standards) -> None:
    if not 1e-6 <= standards.alpha <= 0.5:
        raise ValueError(f"alpha is {standards.alpha}: give a chance of error from 1e-6 to 0.5")
    if standards.effect is not None and not 0 <= standards.effect < math.inf:
        raise ValueError(f"effect is {standards.effect}: give a gain in the metric's unit, or None")
