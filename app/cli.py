"""The command line. Every verb imports what it needs when it runs, so that --help is instant."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from .images import images
from .options import (
    ARCHIVE,
    Accept,
    Alpha,
    Api,
    Approve,
    Backend,
    Control,
    Effect,
    Isolation,
    Json,
    MaxDollars,
    MaxEvaluations,
    MaxGpuSeconds,
    MaxTokens,
    Minutes,
    Model,
    NodeName,
    PriceOf,
    RunName,
    Schedule,
    Secret,
    Seed,
    Standard,
    Temperature,
    Turns,
    Where,
    Workers,
)
from .output import dump, show_or_dump

if TYPE_CHECKING:
    from ..agents.budget import Caps

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
    agent: Annotated[
        str,
        typer.Option(help="Who proposes: evolver, researcher, ..., RUN.NUMBER, or a module's."),
    ] = "evolver",
    select: Annotated[
        str | None,
        typer.Option(
            help="What to build on: dgm, hgm, aide, gepa, map_elites, uct, best, latest, "
            "uniform, planted; "
            "the agent's own unless told."
        ),
    ] = None,
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
    model: Model = None,
    price: PriceOf = None,
    api: Api = "auto",
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    max_dollars: MaxDollars = None,
    max_evaluations: MaxEvaluations = None,
    max_gpu_seconds: MaxGpuSeconds = None,
    approve: Approve = "never",
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Search TASK for a better training algorithm (5 minutes unless told otherwise)."""
    from .budget import Standards
    from .models import Wanted
    from .run import Box, Order, start

    caps = _caps(max_tokens, max_dollars, max_evaluations, max_gpu_seconds)
    if turns is None and minutes is None and not caps.model_dump(exclude_none=True):
        minutes = 5.0
    order = Order(
        task=task,
        agent=agent,
        select=select,
        turns=turns,
        minutes=minutes,
        caps=caps,
        chance=(seed, secret),
        standards=Standards(standard, control, alpha, schedule, effect),
        models=Wanted(tuple(model or ()), tuple(price or ()), api, temperature),
        approve=approve,
    )
    raise typer.Exit(start(order, Box(sandbox, workers, accept_unisolated, isolation), archive))


def _caps(
    tokens: float | None, dollars: float | None, evaluations: float | None, gpu: float | None
) -> "Caps":
    from ..agents.budget import Caps

    return Caps(tokens=tokens, dollars=dollars, evaluations=evaluations, gpu_seconds=gpu)


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
    max_tokens: MaxTokens = None,
    max_dollars: MaxDollars = None,
    max_evaluations: MaxEvaluations = None,
    max_gpu_seconds: MaxGpuSeconds = None,
    sandbox: Annotated[str | None, typer.Option(help="Another sandbox than before.")] = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Go on with a run that was stopped or killed; nothing finished is measured or paid again."""
    from .run import resume as go_on

    caps = _caps(max_tokens, max_dollars, max_evaluations, max_gpu_seconds)
    raise typer.Exit(go_on(run, turns, minutes, caps, sandbox, workers, accept_unisolated, archive))


@app.command()
def stop(run: RunName = None, archive: Where = ARCHIVE) -> None:
    """Ask a run to begin nothing new and to come to its end."""
    from ..archive import Archive
    from .purse import stop_file

    held = Archive(archive)
    path = stop_file(held, held.run(run)["id"])
    path.touch()
    typer.echo(f"asked: {path} (remove it to think again)")


@app.command()
def approve(
    run: RunName = None,
    question: Annotated[str, typer.Option(help="The beginning of an id; else all.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Approve.")] = False,
    reject: Annotated[str | None, typer.Option(help="Reject, for this reason.")] = None,
    edit: Annotated[
        Path | None, typer.Option(help="Approve with the files of this folder instead.")
    ] = None,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Show what waits for a person's decision in a run, or decide it."""
    from ..agents.approve import pending
    from ..archive import Archive
    from . import view
    from .approve import answer, drawn, record

    if sum((yes, reject is not None, edit is not None)) > 1:
        raise typer.BadParameter("--yes, --reject and --edit exclude one another: give one")
    held = Archive(archive)
    name = held.run(run)["id"]
    if yes or reject is not None or edit is not None:
        for decision in answer(held, name, question, reject, edit):
            typer.echo(f"{'approved' if decision.approved else 'rejected'} {decision.id}")
        return
    waiting = [each for each in pending(held, name) if each.id.startswith(question)]
    if as_json:
        dump([record(each) for each in waiting])
    for each in [] if as_json else waiting:
        view.console().print(drawn(each))
    if not waiting and not as_json:
        typer.echo("nothing waits for a decision")


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
    name: Annotated[
        str | None,
        typer.Argument(help="A node: RUN.NUMBER or NUMBER. Or a run, to grow it again offline."),
    ] = None,
    fresh_seeds: Annotated[
        int, typer.Option(min=0, help="Of a node: instead measure on this many new seeds.")
    ] = 0,
    sandbox: Backend = "auto",
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Run a node, or a whole run, again: REPRODUCED (0), DRIFTED (5) or FAILED (6).

    A node is measured again, seed by seed. A run is grown again from its recorded replies and
    trials: every proposal and verdict is made anew, at no cost.
    """
    from . import view
    from .replay import replay_node, replay_run

    if name is not None and name.rpartition(".")[2].isdigit():
        result = replay_node(name, fresh_seeds, sandbox, accept_unisolated, archive)
        show_or_dump(result.model_dump(mode="json"), as_json, view.replay_view)
        raise typer.Exit({"REPRODUCED": 0, "DRIFTED": 5, "FAILED": 6}[result.outcome])
    if fresh_seeds:
        raise typer.BadParameter("--fresh-seeds is for a node: name RUN.NUMBER")
    found = replay_run(name, sandbox, accept_unisolated, archive)
    show_or_dump(found.model_dump(mode="json"), as_json, view.rerun_view)
    raise typer.Exit({"REPRODUCED": 0, "DRIFTED": 5}[found.outcome])


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
    model: Annotated[
        str | None, typer.Option(help="Ask the model server as this one; else the first it lists.")
    ] = None,
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

    findings = examine(sandbox, archive, model)
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
