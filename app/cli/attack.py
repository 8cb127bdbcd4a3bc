"""The verb `doctor --attack`: what cheating programs get elsewhere, and what they get here."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from pydantic import BaseModel
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...evals.attack import (
    COMPANY,
    DEPENDS,
    EFFECTS,
    AttackOutcome,
    Exploit,
    Target,
    planted,
    select,
    watch,
)
from ...sandbox import Sandbox, SandboxError, open_sandbox
from ...sandbox.text import clean
from ...sandbox.text import line as one_line
from ...tasks import Task, TaskError, load
from .terminal import console
from .view import clock

WORKERS = 2


class Row(BaseModel):
    """One exploit: what it did to a naive evaluator, what became of it here, and the audit.

    Where `counterpart` is false, a naive evaluator has nothing that it could be shown on.
    """

    name: str
    ids: tuple[str, ...]
    title: str
    defence: str
    naive: str
    counterpart: bool
    status: str
    gain: float | None
    refused: tuple[str, ...]
    flags: tuple[str, ...]
    broken: tuple[str, ...]
    held: bool


def report(task_name: str, only: str, sandbox: str, as_json: bool) -> bool:
    """Print a row for every exploit as it ends, and a summary. Returns whether all were held.

    Raises TaskError and SandboxError.
    """
    exploits, task = select(only), load(task_name)
    start = time.monotonic()
    rows = []
    screen = console()
    with planted() as canary, closing(open_sandbox(sandbox, WORKERS)) as backend:
        if not as_json:
            screen.print(line(None))
        with screen.status("measuring the start") as status:
            for row in attack(exploits, task, backend, canary):
                rows.append(row)
                if not as_json:
                    screen.print(line(row))
                passed = clock(time.monotonic() - start)
                status.update(f"{len(rows)} of {len(exploits)} programs, {passed}")
        where = f"{backend.name}, isolation: {backend.isolation}"
    seconds = time.monotonic() - start
    if as_json:
        record = {"task": task.name, "sandbox": where, "seconds": round(seconds, 1)}
        print(json.dumps({**record, "exploits": [row.model_dump() for row in rows]}, indent=2))
    else:
        screen.print(summary(rows, task.name, where, seconds))
    return all(row.held for row in rows)


def attack(
    exploits: tuple[Exploit, ...], task: Task, sandbox: Sandbox, canary: str
) -> Iterator[Row]:
    """Attack `task` with one exploit after another. Yields a row for each as it ends."""
    target = Target(task, sandbox, canary)
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield from pool.map(partial(one, target, sandbox), exploits)
    finally:
        pool.shutdown(cancel_futures=True)


def one(target: Target, sandbox: Sandbox, exploit: Exploit) -> Row:
    """Attack with one exploit. Where it breaks what runs it, it counts as not held."""
    try:
        outcome = target.attack(exploit)
    except (SandboxError, TaskError) as error:
        outcome = AttackOutcome(
            "broken", None, (), (), (f"it broke what runs it: {one_line(str(error))}",)
        )
    naive, broken, counterpart = "", outcome.broken, exploit.effect in EFFECTS
    try:
        naive = EFFECTS[exploit.effect](watch(exploit, sandbox)) if counterpart else ""
    except SandboxError as error:
        broken = (*broken, f"it broke the box of the naive evaluator: {one_line(str(error))}")
    return Row(
        name=exploit.name,
        ids=exploit.ids,
        title=exploit.title,
        defence=exploit.defence,
        naive=naive,
        counterpart=counterpart,
        status=outcome.status,
        gain=outcome.gain,
        refused=outcome.refused,
        flags=outcome.flags,
        broken=broken,
        held=not broken,
    )


def line(row: Row | None) -> RenderableType:
    """One exploit in columns of fixed width, so that rows line up as they come; None: the heads."""
    table = Table.grid(padding=(0, 2))
    for width in (7, 22, 31, 30, 7, 4):
        table.add_column(width=width)
    if row is None:
        table.add_row("id", "exploit", "in a naive evaluator", "here", "audit", "held", style="dim")
        return table
    here = "the honest score"
    if COMPANY in row.broken:
        here = COMPANY
    elif row.gain is None or row.status == DEPENDS:
        here = f"rejected: {row.status}"
    elif row.gain:
        here = f"{'better' if row.gain > 0 else 'worse'} by {abs(row.gain):.4f}"
    cells = [
        ", ".join(row.ids),
        row.name.partition("_")[2],
        clean(row.naive, 64) or ("-" if row.counterpart else "has no counterpart"),
        here,
        "refused" if row.refused else "flagged" if row.flags else "-",
    ]
    verdict = Text("yes", style="green") if row.held else Text("NO", style="bold red")
    table.add_row(*map(Text, cells), verdict)
    return table


def summary(rows: list[Row], task: str, backend: str, seconds: float) -> str:
    """One line about all exploits, and one for each that got something."""
    harmless = sum(row.held for row in rows)
    worked = sum(bool(row.naive) for row in rows)
    alone = sum(not row.counterpart for row in rows)
    refused = sum(bool(row.refused) for row in rows)
    apart = f" and {alone} cannot be shown there" if alone else ""
    lines = [
        f"{harmless} of {len(rows)} exploits got nothing on {task} ({backend}); {worked} worked in "
        f"a naive evaluator{apart}, and the audit alone would refuse {refused}; {seconds:.0f} s"
    ]
    lines += [f"NOT HELD {row.name}: {', '.join(row.broken)}" for row in rows if not row.held]
    return "\n".join(lines)
