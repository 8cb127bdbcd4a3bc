"""Tables of runs, of tasks and of agents."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ...drawing import from_start
from ...evals import Estimate


def runs_table(records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """All runs of an archive, one a row."""
    table = Table(box=None, padding=(0, 2))
    for column in (
        "run",
        "task",
        "agent",
        "seed",
        "created (UTC)",
        "nodes",
        "confirmed",
        "best kept",
    ):
        table.add_column(column)
    for record in records:
        if "damaged" in record:
            _add(table, record["run"], "damaged")
            continue
        _add(
            table,
            record["run"],
            record["task"],
            record["agent"]
            + (f" (control of {record['control_of']})" if record["control_of"] else ""),
            str(record["seed"] if record["seed"] is not None else "-"),
            record["created"][:19],
            str(record["nodes"]),
            _borne_out(record["funnel"]),
            _best(record),
        )
    return table


def _borne_out(funnel: Mapping[str, int]) -> str:
    """How many nodes were confirmed, or repeated where programs state their own scores."""
    repeated = funnel.get("repeated", 0)
    return f"{repeated} repeated" if repeated else str(funnel["confirmed"])


def _best(record: Mapping[str, Any]) -> str:
    """The best kept node with its gain over the start, and what planted program it is behind."""
    if (gain := record["best_over_start"]) is None:
        return "-"
    words = f"{record['best']} {from_start(Estimate.model_validate(gain))}"
    if behind := record["best_behind"]:
        by = Estimate(**{key: behind[key] for key in Estimate.model_fields})
        words += f", behind {behind['name']} by {by}"
    return words + (" (unvalidated)" if record["best_validated"] is False else "")


def tasks_table(records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """All built-in tasks, one a row."""
    table = Table(box=None, padding=(0, 2))
    for column in ("task", "what is designed", "metric", "baselines"):
        table.add_column(column)
    for record in records:
        metric = record["metric"]
        _add(
            table,
            record["task"],
            record["title"],
            f"{metric['name']} ({metric['goal']}, {metric['unit']})",
            ", ".join(record["baselines"]),
        )
    return table


def agents_table(records: Sequence[Mapping[str, Any]]) -> RenderableType:
    """All built-in agents, one a row."""
    table = Table(box=None, padding=(0, 2))
    for column in ("agent", "model", "policy", "what it does"):
        table.add_column(column)
    for record in records:
        model = "needed" if record["needs_model"] else "-"
        _add(table, record["agent"], model, record["select"], record["description"])
    return table


def _add(table: Table, *cells: str) -> None:
    """A row of plain text, in which nothing is markup."""
    table.add_row(*map(Text, cells))
