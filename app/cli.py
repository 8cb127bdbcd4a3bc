"""The command line. Every verb imports what it needs when it runs, so that --help is instant."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from .images import images
from .options import (
    ARCHIVE,
    Accept,
    Alpha,
    Backend,
    Control,
    Effect,
    Isolation,
    Json,
    Minutes,
    NodeName,
    RunName,
    Schedule,
    Secret,
    Seed,
    Standard,
    Turns,
    Where,
    Workers,
)
from .output import dump, show_or_dump

EPILOG = """Exit codes: 0 done; 1 a bug in Ratchet; 2 bad input; 3 sandbox or archive unusable,
or a check failed; 4 searched, but no candidate was valid; 5 a replay drifted; 6 a replay failed;
130 interrupted."""

INTERRUPTED = 130

app = typer.Typer(
    name="ratchet",
    help="Search for better training algorithms, and keep only what fresh evidence confirms.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(images, name="sandbox")


@app.command()
def search(
    task: Annotated[str, typer.Argument(help="A built-in task, or the path of a task folder.")],
    agent: Annotated[str, typer.Option(help="Who proposes.")] = "evolver",
    select: Annotated[str, typer.Option(help="dgm, best or uniform: what to build on.")] = "dgm",
    sandbox: Backend = "auto",
    turns: Turns = None,
    minutes: Minutes = None,
    workers: Workers = 2,
    seed: Seed = None,
    secret: Secret = None,
    isolation: Isolation = "shared",
    standard: Standard = "claim",
    control: Control = "familywise",
    alpha: Alpha = 0.05,
    schedule: Schedule = "adaptive",
    effect: Effect = None,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Search TASK for a better training algorithm (5 minutes unless told otherwise)."""
    from .budget import Standards
    from .run import Box, start

    if turns is None and minutes is None:
        minutes = 5.0
    box, chance = Box(sandbox, workers, accept_unisolated, isolation), (seed, secret)
    standards = Standards(standard, control, alpha, schedule, effect)
    code = start(task, agent, select, box, turns, minutes, chance, standards, archive)
    raise typer.Exit(code)


@app.command()
def calibrate(
    task: Annotated[str, typer.Argument(help="A built-in task, or the path of a task folder.")],
    seeds: Annotated[int, typer.Option(min=8, max=4096, help="Repeats of the start.")] = 32,
    again: Annotated[bool, typer.Option("--again", help="Measure even if it is known.")] = False,
    minutes: Annotated[float, typer.Option(min=0.0, help="The budget to plan for.")] = 5.0,
    sandbox: Backend = "auto",
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Measure TASK's noise, say what a search can find in it, and check the judge itself."""
    from .calibrate import calibrate as measure
    from .calibrate import calibration_view
    from .run import Box

    box = Box(sandbox, workers, accept_unisolated, "shared")
    found = measure(task, seeds, again, minutes, box, archive)
    show_or_dump(found, as_json, calibration_view)
    raise typer.Exit(0 if found["passed"] else 3)


@app.command()
def resume(
    run: RunName = None,
    turns: Turns = None,
    minutes: Minutes = None,
    sandbox: Annotated[str | None, typer.Option(help="Another sandbox than before.")] = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Go on with a run that was stopped or killed; nothing finished is measured again."""
    from .run import resume as go_on

    raise typer.Exit(go_on(run, turns, minutes, sandbox, workers, accept_unisolated, archive))


@app.command()
def runs(archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """List the runs of the archive."""
    from ..archive import Archive
    from . import lists, records

    held = Archive(archive)
    found = [records.run_record(row, held.tree(row["id"])) for row in held.runs()]
    show_or_dump(found, as_json, lists.runs_table)


@app.command()
def tree(
    run: RunName = None,
    every: Annotated[bool, typer.Option("--all", help="Also what was not confirmed.")] = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Draw the tree of what a run tried."""
    from ..archive import Archive
    from . import records, view

    held = Archive(archive)
    row = held.run(run)
    nodes = held.tree(row["id"])
    if as_json:
        dump([records.node_record(node) for node in nodes])
    else:
        view.console().print(view.tree_view(row, nodes, every))


@app.command()
def show(node: NodeName, archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """Show a node: idea, verdict and reason, scores by seed, cost, and its diff to the parent."""
    from ..archive import Archive
    from . import records, view

    held = Archive(archive)
    record = records.full_record(held, held.node(node))
    show_or_dump(record, as_json, view.node_view)


@app.command()
def diff(a: NodeName, b: NodeName, archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """Show how the program of node A became that of node B."""
    from ..archive import Archive
    from . import records, view

    held = Archive(archive)
    text = records.diff_text(held.node(a), held.node(b))
    show_or_dump({"a": a, "b": b, "diff": text}, as_json, view.diff_view)


@app.command()
def replay(
    node: NodeName,
    fresh_seeds: Annotated[
        int, typer.Option(min=0, help="Instead measure on this many new seeds.")
    ] = 0,
    sandbox: Backend = "auto",
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Run a node again from the archive alone: REPRODUCED (0), DRIFTED (5) or FAILED (6)."""
    from contextlib import closing

    from ..agents.replay import replay as again
    from ..agents.replay import replay_fresh
    from ..archive import Archive
    from . import view
    from .run import Box, open_with_warning

    held = Archive(archive)
    found = held.node(node)
    isolation = held.run(found.run)["config"].get("isolation", "shared")
    box = Box(sandbox, 1, accept_unisolated, isolation)
    with closing(open_with_warning(box)) as backend:
        result = (
            replay_fresh(found, held, backend, fresh_seeds)
            if fresh_seeds
            else again(found, held, backend)
        )
    show_or_dump(result.model_dump(mode="json"), as_json, view.replay_view)
    raise typer.Exit({"REPRODUCED": 0, "DRIFTED": 5, "FAILED": 6}[result.outcome])


@app.command()
def rejudge(
    run: RunName = None,
    alpha: Annotated[
        float | None, typer.Option(help="The chance of error that the whole run may have had.")
    ] = None,
    control: Annotated[
        Literal["familywise", "fdr"] | None,
        typer.Option(help="What alpha bounds: any false claim, or the share of false ones."),
    ] = None,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Judge every claim of a run again from its archived evidence; nothing is measured."""
    from ..archive import Archive
    from .rejudge import record, rejudge_view

    changes = {"alpha": alpha, "control": control}
    show_or_dump(record(Archive(archive), run, changes), as_json, rejudge_view)


@app.command()
def report(
    run: RunName = None,
    again: Annotated[
        bool, typer.Option("--again", help="Draw new sealed seeds: recorded as another reading.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Measure the best node without each of its steps.")
    ] = False,
    controls: Annotated[
        bool, typer.Option("--controls", help="Run simpler searches of equal budget beside it.")
    ] = False,
    sandbox: Annotated[str | None, typer.Option(help="Another sandbox than the run's.")] = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Say how much better the best node of a run is; the sealed seeds are read once."""
    from .report import Asked, Means, show

    asked, means = Asked(again, ablation, controls), Means(sandbox, workers, accept_unisolated)
    raise typer.Exit(show(run, asked, means, archive, as_json))


@app.command()
def export(
    node: NodeName,
    to: Annotated[Path | None, typer.Option(help="The directory to make.")] = None,
    archive: Where = ARCHIVE,
) -> None:
    """Write a node as a module that runs without Ratchet, with its evidence beside it."""
    from ..archive import Archive
    from .export import export as write

    held = Archive(archive)
    found = held.node(node)
    folder = to or Path(f"ratchet-{found.id}")
    try:
        written = write(found, held, folder)
    except FileExistsError:
        fail(2, f"{folder} exists and is not empty: name another directory with --to")
    except OSError as error:
        fail(2, f"cannot write {folder}: {error.strerror}")
    for path in written:
        typer.echo(path)


@app.command()
def tasks(as_json: Json = False) -> None:
    """List the built-in tasks."""
    from ..tasks import load, names
    from . import lists, records

    found = [records.task_record(load(name)) for name in names()]
    show_or_dump(found, as_json, lists.tasks_table)


@app.command()
def doctor(
    task: Annotated[
        str | None, typer.Argument(help="What --attack attacks, optimizer if not told.")
    ] = None,
    attack: Annotated[
        bool, typer.Option("--attack", help="Run the corpus of cheating programs against TASK.")
    ] = False,
    only: Annotated[str, typer.Option(help="Of the corpus, only these: 44,C3")] = "",
    sandbox: Backend = "auto",
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Check what a search needs on this machine, and say what to mend; or attack it."""
    if attack:
        from .attack import report

        raise typer.Exit(0 if report(task or "optimizer", only, sandbox, as_json) else 3)
    if task or only:
        raise typer.BadParameter("a TASK and --only belong to --attack: add that")
    from . import view
    from .doctor import examine

    findings = examine(sandbox, archive)
    show_or_dump([finding.model_dump() for finding in findings], as_json, view.doctor_table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 3)


def fail(code: int, message: object) -> NoReturn:
    """Print one sentence to stderr and leave with `code`."""
    from ..sandbox.text import clean

    typer.secho(f"error: {clean(str(message))}", fg="red", err=True)
    raise SystemExit(code)


def main() -> None:
    """Run the command line. An error that a user can mend is one sentence and its exit code."""
    sys.path.append(str(Path.cwd()))  # so that `--agent mine.idea` finds a module of the user's
    try:
        app()
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            # Everything finished is archived; a thread may still be waiting for a box to open.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        fail(code, error)
