"""The command line. Every verb imports what it needs when it runs, so that --help is instant."""

import atexit
import gc
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .benches import bench
from .display import unfailing
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
    Json,
    MaxDollars,
    MaxGpuSeconds,
    MaxTokens,
    MaxTrials,
    Minutes,
    Model,
    PriceOf,
    RunName,
    Schedule,
    Secret,
    Seed,
    Select,
    Sharing,
    Standard,
    Temperature,
    Turns,
    Where,
    Workers,
    importable,
    more_than_none,
)
from .output import dump, fail, show_or_dump
from .reading import reading

if TYPE_CHECKING:
    from ...search.budget import Caps

EPILOG = """Exit codes: 0 done; 1 a bug in Ratchet; 2 bad input; 3 sandbox, archive or model
server unusable, or a check failed; 4 searched, but no candidate was valid; 5 a replay drifted;
6 a replay failed; 130 interrupted."""

INTERRUPTED = 130
# Imports make objects by the hundred thousand and leave no garbage. Looking through them again and
# again, and once more at the end, took a third of the time of a short command.
BETWEEN_COLLECTIONS = 50_000
# Options by names that they once had, which scripts may still use.
OLD_NAMES = {
    "--max-evaluations": "--max-trials",
    "--evaluations": "--trials",
    "--isolation": "--sharing",
}
# Verbs whose output is all that they are for.
READERS = ("runs", "tree", "show", "diff", "rejudge", "tasks", "agents")
THREADS, ENDING_SECONDS = "ratchet-turn", 1.0

app = typer.Typer(
    name="ratchet",
    help="Search for better training algorithms, and keep only what fresh evidence confirms.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(bench, name="bench")
app.add_typer(images, name="sandbox")
app.add_typer(reading)


@app.command()
def search(
    task: Annotated[str, typer.Argument(help="A built-in task, or the path of a task folder.")],
    agent: Annotated[
        str,
        typer.Option(
            help="Agent that proposes: a built-in one (`ratchet agents` lists them), RUN.NUMBER "
            "for one that a search found, or a module such as mylab.idea."
        ),
    ] = "evolver",
    select: Select = None,
    sandbox: Backend = "auto",
    turns: Turns = None,
    minutes: Minutes = None,
    workers: Workers = 2,
    seed: Seed = None,
    secret: Secret = None,
    sharing: Sharing = "shared",
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
    max_trials: MaxTrials = None,
    max_gpu_seconds: MaxGpuSeconds = None,
    approve: Approve = "never",
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Search TASK for a better training algorithm (5 minutes unless told otherwise)."""
    from ...search.desk.wanted import Wanted
    from ...search.order import Chance, Order, SandboxChoice
    from ...search.plan import Standards
    from .run import start

    order = Order(
        task=task,
        agent=agent,
        select=select,
        turns=turns,
        minutes=minutes,
        caps=_caps(max_tokens, max_dollars, max_trials, max_gpu_seconds),
        chance=Chance(seed, secret),
        standards=Standards(standard, control, alpha, schedule, effect),
        models=Wanted(tuple(model or ()), tuple(price or ()), api, temperature),
        approve=approve,
    )
    choice = SandboxChoice(sandbox, workers, accept_unisolated, sharing)
    raise typer.Exit(start(order, choice, archive))


def _caps(
    tokens: float | None, dollars: float | None, trials: float | None, gpu: float | None
) -> "Caps":
    from ...search.budget import Caps

    return Caps(tokens=tokens, dollars=dollars, trials=trials, gpu_seconds=gpu)


@app.command()
def calibrate(
    task: Annotated[str, typer.Argument(help="A built-in task, or the path of a task folder.")],
    seeds: Annotated[int, typer.Option(min=8, max=4096, help="Repeats of the start.")] = 32,
    again: Annotated[bool, typer.Option("--again", help="Measure even if it is known.")] = False,
    minutes: Annotated[
        float, typer.Option(callback=more_than_none, help="The budget to plan for.")
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
    record = measure(task, seeds, again, minutes, choice, archive, wanted)
    show_or_dump(record, as_json, calibration_view)
    raise typer.Exit(0 if record["passed"] else 3)


@app.command()
def resume(
    run: RunName = None,
    turns: Turns = None,
    minutes: Minutes = None,
    max_tokens: MaxTokens = None,
    max_dollars: MaxDollars = None,
    max_trials: MaxTrials = None,
    max_gpu_seconds: MaxGpuSeconds = None,
    sandbox: Annotated[
        str | None, typer.Option(callback=importable, help="Another sandbox than before.")
    ] = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Go on with a run that was stopped or killed; nothing finished is measured or paid again."""
    from ...search.order import Extension, SandboxChange
    from .run import resume as go_on

    caps = _caps(max_tokens, max_dollars, max_trials, max_gpu_seconds)
    change = SandboxChange(sandbox, workers, accept_unisolated)
    raise typer.Exit(go_on(run, Extension(turns, minutes, caps), change, archive))


@app.command()
def stop(run: RunName = None, archive: Where = ARCHIVE) -> None:
    """Ask a run that is searched to begin nothing new and to come to its end."""
    from ...archive import Archive
    from ...search.desk.purse import is_searched, stop_file

    held = Archive(archive)
    name = held.run(run).id
    if not is_searched(held, name):
        typer.echo(f"run {name} is not being searched: there is nothing to stop")
        return
    path = stop_file(held, name)
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
    from ...archive import Archive
    from ...sandbox.text import line
    from ...search.desk.consent import pending
    from . import view
    from .approve import answer, drawn, record

    if sum((yes, reject is not None, edit is not None)) > 1:
        raise typer.BadParameter("--yes, --reject and --edit exclude one another: give one")
    held = Archive(archive)
    name = held.run(run).id
    if yes or reject is not None or edit is not None:
        for decision in answer(held, name, question, reject, edit):
            typer.echo(f"{'approved' if decision.approved else 'rejected'} {line(decision.id)}")
        return
    waiting = [each for each in pending(held, name) if each.id.startswith(question)]
    if as_json:
        dump([record(each) for each in waiting])
    for each in [] if as_json else waiting:
        view.console().print(drawn(each))
    if not waiting and not as_json:
        typer.echo("nothing waits for a decision")


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


def main() -> None:
    """Run the command line. An error that a user can mend is one sentence and its exit code."""
    gc.set_threshold(BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)
    with unfailing() as display:
        try:
            _run()
        except SystemExit as leaving:
            sys.stdout.flush()
            sys.stderr.flush()
            if not leaving.code and display.full and sys.argv[1:2] and sys.argv[1] in READERS:
                fail(3, f"not all of it could be written: {display.full}")
            if isinstance(leaving.code, int) and (leaving.code == INTERRUPTED or _busy()):
                # Everything finished is archived; a thread may still wait for a box or a model.
                os._exit(leaving.code)
            raise


def _current(words: Sequence[str]) -> list[str]:
    """The words of a command line, with options by the names that they have now."""
    pairs = [word.partition("=") for word in words]
    return [OLD_NAMES.get(name, name) + rest + value for name, rest, value in pairs]


def _run() -> None:
    sys.argv[1:] = _current(sys.argv[1:])
    try:
        sys.path.append(str(Path.cwd()))  # so that `--agent mine.idea` finds the user's module
    except FileNotFoundError:
        if "--help" not in sys.argv:
            fail(2, "the current folder is no longer there: change to one that is")
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        if error.filename is None:
            raise
        fail(2, f"cannot use {str(error.filename)[:200]}: {error.strerror}")
    except Exception as error:
        code = getattr(error, "exit_code", None)
        if code is None:
            raise
        fail(code, error)


def _busy() -> bool:
    """Whether a thread of a search is still at work, after it was given a moment to end."""
    threads = [each for each in threading.enumerate() if each.name.startswith(THREADS)]
    for thread in threads:
        thread.join(ENDING_SECONDS / len(threads))
    return any(thread.is_alive() for thread in threads)
