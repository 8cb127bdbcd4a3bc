"""The verb `bench agents`, which compares agents."""

from pathlib import Path
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
    Secret,
    Seed,
    Sharing,
    Temperature,
    Where,
    Workers,
    finite,
)
from .output import INTERRUPTED, show_or_dump

bench = typer.Typer(help="Compare agents with each other.", no_args_is_help=True)


@bench.command("agents")
def bench_agents(
    task: Annotated[list[str], typer.Option(help="Task to search. May be given several times.")],
    agents: Annotated[
        str,
        typer.Option(
            help="Agents as in search, with commas. The others are compared with the first."
        ),
    ] = "evolver,random_tweak,best_of_n",
    trials: Annotated[int, typer.Option(min=1, help="Trials that each search may spend.")] = 1000,
    searches: Annotated[int, typer.Option(min=1, max=999, help="Searches per agent.")] = 5,
    dollars: Annotated[
        float | None,
        typer.Option(
            min=0.0, callback=finite, help="Most dollars to pay for models in each search."
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name of the bench. A bench of that name is gone on with.")
    ] = "bench",
    plot: Annotated[Path | None, typer.Option(help="SVG to draw, of gain against trials.")] = None,
    sandbox: Backend = "auto",
    workers: Workers = 2,
    seed: Seed = None,
    secret: Secret = None,
    sharing: Sharing = "shared",
    model: Model = None,
    price: PriceOf = None,
    api: Api = "auto",
    temperature: Temperature = None,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Give agents searches of equal budget, and measure what each search hands over."""
    from ...search.desk.wanted import Wanted
    from ...search.order import Chance, SandboxChoice
    from .bench import BenchOrder, bench_record, bench_view
    from .bench import bench_agents as run
    from .run import polite

    order = BenchOrder(
        tasks=tuple(task),
        agents=tuple(filter(None, map(str.strip, agents.split(",")))),
        trials=trials,
        searches=searches,
        dollars=dollars,
        models=Wanted(tuple(model or ()), tuple(price or ()), api, temperature),
        chance=Chance(seed, secret),
        name=name,
        plot=plot,
    )
    try:
        with polite():
            choice = SandboxChoice(sandbox, workers, accept_unisolated, sharing)
            tables = run(order, choice, archive)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    show_or_dump(bench_record(tables) if as_json else tables, as_json, bench_view)
