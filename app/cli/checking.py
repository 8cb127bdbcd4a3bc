"""The verbs that check before a search: this machine, its walls, and the noise of a task."""

from typing import Annotated

import typer

from .options import (
    ARCHIVE,
    Accept,
    Api,
    Backend,
    Json,
    Model,
    PriceOf,
    TaskName,
    Where,
    Workers,
    more_than_none,
)
from .output import show_or_dump

checking = typer.Typer()


@checking.command()
def calibrate(
    task: TaskName,
    seeds: Annotated[
        int, typer.Option(min=8, max=4096, help="Seeds on which to measure the start.")
    ] = 32,
    again: Annotated[
        bool, typer.Option("--again", help="Measure even if the archive has a calibration.")
    ] = False,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Measure as few trials as a search of dear trials does, and check the judge less.",
        ),
    ] = False,
    minutes: Annotated[
        float, typer.Option(callback=more_than_none, help="Length of the search to plan for.")
    ] = 5.0,
    model: Model = None,
    price: PriceOf = None,
    api: Api = "auto",
    sandbox: Backend = "auto",
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Measure TASK's noise, say what a search can find in it, and check the judge itself."""
    from ...search.desk.wanted import Wanted
    from ...search.order import SandboxChoice
    from .calibrate import calibrate as measure
    from .calibrate import calibration_view

    choice = SandboxChoice(sandbox, workers, accept_unisolated)
    wanted = Wanted(tuple(model or ()), tuple(price or ()), api)
    record = measure(task, seeds, again, minutes, choice, archive, wanted, quick)
    show_or_dump(record, as_json, calibration_view)
    raise typer.Exit(0 if record["passed"] else 3)


@checking.command()
def doctor(
    task: Annotated[
        str | None,
        typer.Argument(help="Task that --attack runs against.", show_default="optimizer"),
    ] = None,
    attack: Annotated[
        bool, typer.Option("--attack", help="Run the corpus of cheating programs against TASK.")
    ] = False,
    only: Annotated[
        str, typer.Option(help="Programs of the corpus to run, such as 44,C3. Without it, all.")
    ] = "",
    model: Annotated[
        str | None,
        typer.Option(help="Model to ask the server for. Without it, the first that it lists."),
    ] = None,
    sandbox: Backend = "auto",
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Check what a search needs on this machine, and say what to mend. Or attack its sandbox."""
    if attack:
        from .attack import report

        raise typer.Exit(0 if report(task or "optimizer", only, sandbox, as_json) else 3)
    if task or only:
        raise typer.BadParameter("a TASK and --only belong to --attack: add that")
    from .doctor import doctor_table, examine

    findings = examine(sandbox, archive, model)
    show_or_dump([finding.model_dump() for finding in findings], as_json, doctor_table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 3)
