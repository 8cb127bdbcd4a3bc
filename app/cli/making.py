"""The verbs that make a task of one's own: write one, and look at what it is."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import Accept, Backend, Json, TaskName, Workers, more_than_none
from .output import show_or_dump

making = typer.Typer()


@making.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make, or to add a task.toml to.")],
    script: Annotated[
        Path | None, typer.Option(help="Script to make a task of; it is copied as train.py.")
    ] = None,
    level: Annotated[
        Literal["sealed", "answered", "reported"] | None,
        typer.Option(
            help="sealed: it trains and predicts, and score.py scores. answered: score.py calls "
            "its functions. reported: it states its own score.",
            show_default="sealed; reported for a script without train and predict",
        ),
    ] = None,
) -> None:
    """Write a task into FOLDER: an example that runs at once, or one around your script."""
    from .new import make

    typer.echo("\n".join(make(folder, script, level)))


@making.command()
def check(
    task: TaskName,
    minutes: Annotated[
        float, typer.Option(callback=more_than_none, help="Length of the search to plan for.")
    ] = 5.0,
    sandbox: Backend = "auto",
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    as_json: Json = False,
) -> None:
    """Read TASK, audit and run its start, and say what a search could find. Archives nothing."""
    from ...search.order import SandboxChoice
    from .check import check as examine
    from .check import check_view

    choice = SandboxChoice(sandbox, workers, accept_unisolated)
    show_or_dump(examine(task, minutes, choice), as_json, check_view)
