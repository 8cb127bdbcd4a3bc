"""The verbs of searches: begin one, take one up, learn from some, stop one, answer one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    ARCHIVE,
    Accept,
    Agent,
    Alpha,
    Api,
    Approve,
    Backend,
    Control,
    Effect,
    Json,
    LearnedFile,
    MaxDollars,
    MaxGpuSeconds,
    MaxTokens,
    MaxTrials,
    Minutes,
    Model,
    OtherSandbox,
    PriceOf,
    RunName,
    Schedule,
    Secret,
    Seed,
    Select,
    Sharing,
    Standard,
    TaskName,
    Temperature,
    Tune,
    Turns,
    Where,
    Workers,
)
from .output import dump

if TYPE_CHECKING:
    from ...search.budget import Caps

searching = typer.Typer()


@searching.command()
def search(
    task: TaskName,
    agent: Agent = "evolver",
    select: Select = None,
    tune: Tune = None,
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
    learned: LearnedFile = None,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Search TASK for a better training algorithm. Takes 5 minutes unless a budget is given."""
    from ...search.desk.wanted import Wanted
    from ...search.order import Chance, Order, SandboxChoice
    from ...search.plan import Standards
    from .run import start

    order = Order(
        task=task,
        agent=agent,
        select=select,
        tune=tune,
        turns=turns,
        minutes=minutes,
        caps=_caps(max_tokens, max_dollars, max_trials, max_gpu_seconds),
        chance=Chance(seed, secret),
        standards=Standards(standard, control, alpha, schedule, effect),
        models=Wanted(tuple(model or ()), tuple(price or ()), api, temperature),
        approve=approve,
        learned=learned,
    )
    choice = SandboxChoice(sandbox, workers, accept_unisolated, sharing)
    raise typer.Exit(start(order, choice, archive))


@searching.command()
def resume(
    run: RunName = None,
    turns: Turns = None,
    minutes: Minutes = None,
    max_tokens: MaxTokens = None,
    max_dollars: MaxDollars = None,
    max_trials: MaxTrials = None,
    max_gpu_seconds: MaxGpuSeconds = None,
    sandbox: OtherSandbox = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
) -> None:
    """Go on with a run that was stopped or killed. Nothing finished is measured or paid again."""
    from ...search.order import Extension, SandboxChange
    from .run import resume as go_on

    caps = _caps(max_tokens, max_dollars, max_trials, max_gpu_seconds)
    change = SandboxChange(sandbox, workers, accept_unisolated)
    raise typer.Exit(go_on(run, Extension(turns, minutes, caps), change, archive))


def _caps(
    tokens: float | None, dollars: float | None, trials: float | None, gpu_seconds: float | None
) -> "Caps":
    from ...search.budget import Caps

    return Caps(tokens=tokens, dollars=dollars, trials=trials, gpu_seconds=gpu_seconds)


@searching.command()
def learn(
    archives: Annotated[
        list[str] | None,
        typer.Argument(
            help="Archives to learn from: paths or SQLAlchemy URLs.",
            show_default=f"$RATCHET_ARCHIVE, else {ARCHIVE}",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write.",
            show_default="the one beside the first archive, which its next searches begin with",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn from the searches in ARCHIVES what paid, and write it into a file for later ones.

    It reads what search seeds showed of each proposal, and no claim, fresh seed or sealed seed.
    """
    from ...places import place
    from .learned import learned_view, write
    from .output import show_or_dump

    show_or_dump(write(archives or [place(None)], out), as_json, learned_view)


@searching.command()
def stop(run: RunName = None, archive: Where = ARCHIVE) -> None:
    """Ask a run that is being searched to begin no further turn, and to end."""
    from ...archive import Archive
    from ...search.desk.purse import is_searched, stop_file

    store = Archive(archive)
    run_id = store.run(run).id
    if not is_searched(store, run_id):
        typer.echo(f"run {run_id} is not being searched: there is nothing to stop")
        return
    path = stop_file(store, run_id)
    path.touch()
    typer.echo(f"asked: {path} (remove it to think again)")


@searching.command()
def approve(
    run: RunName = None,
    question: Annotated[
        str, typer.Option(help="The one question whose id begins so. Without it, all of them.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Approve.")] = False,
    reject: Annotated[
        str | None, typer.Option(help="Reject for this reason, which the agent will read.")
    ] = None,
    edit: Annotated[
        Path | None, typer.Option(help="Approve, with the edited files of this folder.")
    ] = None,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Show what waits for a person's decision in a run, or decide it."""
    from ...archive import Archive
    from ...sandbox.text import line
    from ...search.desk.consent import pending
    from .approve import answer, drawn, record
    from .terminal import console

    if sum((yes, reject is not None, edit is not None)) > 1:
        raise typer.BadParameter("--yes, --reject and --edit exclude one another: give one")
    store = Archive(archive)
    run_id = store.run(run).id
    if yes or reject is not None or edit is not None:
        for decision in answer(store, run_id, question, reject, edit):
            typer.echo(f"{'approved' if decision.approved else 'rejected'} {line(decision.id)}")
        return
    waiting = [asked for asked in pending(store, run_id) if asked.id.startswith(question)]
    if as_json:
        dump([record(asked) for asked in waiting])
        return
    for asked in waiting:
        console().print(drawn(asked))
    if not waiting:
        typer.echo("nothing waits for a decision")
