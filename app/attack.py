"""Run the corpus of cheating programs: what they do elsewhere, and what they do here."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from pydantic import BaseModel
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..evals.attack import EFFECTS, Exploit, Target, planted, select, watch
from ..sandbox import Sandbox, open_sandbox
from ..sandbox.text import clean
from ..tasks import Task, load
from .view import console

WORKERS = 2


class Row(BaseModel):
    """One exploit: what it did to a naive evaluator, what became of it here, and the audit."""

    name: str
    ids: tuple[str, ...]
    title: str
    defence: str
    naive: str
    status: str
    gain: float | None
    refused: tuple[str, ...]
    flags: tuple[str, ...]
    broken: tuple[str, ...]
    held: bool


def report(task_name: str, only: str, sandbox: str, as_json: bool) -> bool:
    """Print a row for every exploit as it ends, and a summary; returns whether all were held."""
    exploits, task = select(only), load(task_name)
    start = time.monotonic()
    rows = []
    screen = console()
    with planted() as canary, closing(open_sandbox(sandbox, WORKERS)) as backend:
        if not as_json:
            screen.print(line(None))
        for row in attack(exploits, task, backend, canary):
            rows.append(row)
            if not as_json:
                screen.print(line(row))
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
    """Attack `task` with one exploit after another; a row for each as soon as it is known."""
    target = Target(task, sandbox, canary)

    def one(exploit: Exploit) -> Row:
        outcome = target.attack(exploit)
        return Row(
            name=exploit.name,
            ids=exploit.ids,
            title=exploit.title,
            defence=exploit.defence,
            naive=EFFECTS[exploit.effect](watch(exploit, sandbox)),
            status=outcome.status,
            gain=outcome.gain,
            refused=outcome.refused,
            flags=outcome.flags,
            broken=outcome.broken,
            held=outcome.held,
        )

    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield from pool.map(one, exploits)
    finally:
        pool.shutdown(cancel_futures=True)


def line(row: Row | None) -> RenderableType:
    """One exploit, or the heading, in columns of fixed width, to be printed as it comes."""
    table = Table.grid(padding=(0, 2))
    for width in (7, 22, 31, 26, 7, 4):
        table.add_column(width=width)
    if row is None:
        table.add_row("id", "exploit", "in a naive evaluator", "here", "audit", "held", style="dim")
        return table
    here = "the honest score"
    if row.gain is None:
        here = f"rejected: {row.status}"
    elif row.gain:
        here = f"{'better' if row.gain > 0 else 'worse'} by {abs(row.gain):.4f}"
    words = [
        ", ".join(row.ids),
        row.name.partition("_")[2],
        clean(row.naive, 64) or "-",
        here,
        "refused" if row.refused else "flagged" if row.flags else "-",
    ]
    held = Text("yes", style="green") if row.held else Text("NO", style="bold red")
    table.add_row(*map(Text, words), held)
    return table


def summary(rows: list[Row], task: str, backend: str, seconds: float) -> str:
    """One line about all of them, and one for each that did not hold."""
    held = sum(row.held for row in rows)
    worked = sum(bool(row.naive) for row in rows)
    refused = sum(bool(row.refused) for row in rows)
    lines = [
        f"{held} of {len(rows)} exploits got nothing on {task} ({backend}); {worked} worked in a "
        f"naive evaluator, and the audit alone would refuse {refused}; {seconds:.0f} s"
    ]
    lines += [f"NOT HELD {row.name}: {', '.join(row.broken)}" for row in rows if not row.held]
    return "\n".join(lines)
