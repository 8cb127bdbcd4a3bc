"""The verbs that look at an archive: list, show, replay, judge again, report, export."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import (
    ARCHIVE,
    Accept,
    Backend,
    Json,
    NodeName,
    OtherSandbox,
    RunName,
    Where,
    Workers,
)
from .output import dump, fail, show_or_dump

reading = typer.Typer()


@reading.command()
def runs(archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """List the runs of the archive. Marks those that cannot be read, and then ends with 3."""
    from ... import records
    from ...archive import Archive
    from . import lists

    rows = records.run_records(Archive(archive))
    show_or_dump(rows, as_json, lists.runs_table)
    if damages := [row["damaged"] for row in rows if "damaged" in row]:
        fail(3, damages[0] + (f"; {len(damages)} runs are damaged" if len(damages) > 1 else ""))


@reading.command()
def tree(
    run: RunName = None,
    every: Annotated[bool, typer.Option("--all", help="Show what was not confirmed, too.")] = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Draw the tree of what a run tried."""
    from ... import records
    from ...archive import Archive
    from ...search.studies.report import transfers
    from . import view
    from .terminal import console

    store = Archive(archive)
    record = store.run(run)
    nodes = store.tree(record.id)
    if as_json:
        dump(records.node_records(store, nodes, record.id))
    else:
        console().print(view.tree_view(record, nodes, every, transfers(store, record.id)))


@reading.command()
def show(node: NodeName, archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """Show a node: idea, verdict and reason, scores by seed, cost, and its diff to the parent."""
    from ... import records
    from ...archive import Archive
    from . import node_page

    store = Archive(archive)
    record = records.full_record(store, store.node(node))
    show_or_dump(record, as_json, node_page.node_view)


@reading.command()
def diff(a: NodeName, b: NodeName, archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """Show how the program of node A became that of node B."""
    from ...archives import open
    from . import view

    store = open(archive)
    text = store.node(b).diff(store.node(a))
    show_or_dump({"a": a, "b": b, "diff": text}, as_json, view.diff_view)


@reading.command()
def replay(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A node to measure again: RUN.NUMBER or NUMBER. Or a run to grow again offline.",
            show_default="the newest run",
        ),
    ] = None,
    fresh_seeds: Annotated[
        int, typer.Option(min=0, help="Measure the node on this many new seeds instead of its own.")
    ] = 0,
    sandbox: Backend = "auto",
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Run a node or a whole run again. Ends as REPRODUCED (0), DRIFTED (5) or FAILED (6).

    A node is measured again, seed by seed. A run is grown again from its recorded replies and
    trials: every proposal and verdict is made anew, at no cost.
    """
    from ...archives import open
    from . import view
    from .terminal import warn

    if name is not None and name.rpartition(".")[2].isdigit():
        node = open(archive).node(name)
        result = node.replay(fresh_seeds, sandbox, accept_unisolated, warn)
        show_or_dump(result.model_dump(mode="json"), as_json, view.replay_view)
        raise typer.Exit({"REPRODUCED": 0, "DRIFTED": 5, "FAILED": 6}[result.outcome])
    if fresh_seeds:
        raise typer.BadParameter("--fresh-seeds is for a node: name RUN.NUMBER")
    rerun = open(archive).run(name).replay(sandbox, accept_unisolated, warn)
    show_or_dump(rerun.model_dump(mode="json"), as_json, view.rerun_view)
    raise typer.Exit({"REPRODUCED": 0, "DRIFTED": 5}[rerun.outcome])


@reading.command()
def rejudge(
    run: RunName = None,
    alpha: Annotated[
        float | None, typer.Option(help="Chance of error to allow the whole run instead.")
    ] = None,
    control: Annotated[
        Literal["familywise", "fdr", "archive"] | None,
        typer.Option(help="What alpha is to bound instead: any false claim, or their share."),
    ] = None,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Judge the claims of a run again from its archived evidence. Measures nothing."""
    from ...archive import Archive
    from .rejudge import record, rejudge_view

    changes = {"alpha": alpha, "control": control}
    show_or_dump(record(Archive(archive), run, changes), as_json, rejudge_view)


@reading.command()
def report(
    run: RunName = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Draw new sealed seeds. Recorded as another reading."),
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Measure the best node without each of its steps.")
    ] = False,
    controls: Annotated[
        bool,
        typer.Option("--controls", help="Run simpler searches of equal budget, to compare."),
    ] = False,
    sandbox: OtherSandbox = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Say how much better the best node of a run is. The sealed seeds are read once."""
    from ...search.order import SandboxChange
    from .report import ReportOptions, show

    options = ReportOptions(again, ablation, controls)
    change = SandboxChange(sandbox, workers, accept_unisolated)
    raise typer.Exit(show(run, options, change, archive, as_json))


@reading.command()
def export(
    node: NodeName,
    to: Annotated[
        Path | None, typer.Option(help="Folder to make.", show_default="ratchet-RUN.NUMBER")
    ] = None,
    archive: Where = ARCHIVE,
) -> None:
    """Write a node as a module that runs without Ratchet, with its evidence beside it."""
    from ...archives import open
    from ...folder import require_plain

    exported = open(archive).node(node)
    folder = to or Path(f"ratchet-{exported.id}")
    if to is None:
        require_plain([folder.name if folder.parent == Path() else str(folder)])
    try:
        written = exported.export(folder)
    except FileExistsError:
        fail(2, f"{folder} exists and is not empty: name another with --to")
    except OSError as error:
        fail(2, f"cannot write {folder}: {error.strerror}")
    for path in written:
        typer.echo(path)


@reading.command()
def tasks(as_json: Json = False) -> None:
    """List the built-in tasks."""
    from ... import records
    from ...tasks import load, names
    from . import lists

    rows = [records.task_record(load(name)) for name in names()]
    show_or_dump(rows, as_json, lists.tasks_table)


@reading.command()
def agents(as_json: Json = False) -> None:
    """List the built-in agents."""
    from ... import records
    from ...agents.opening import listings
    from . import lists

    rows = [records.agent_record(listing) for listing in listings()]
    show_or_dump(rows, as_json, lists.agents_table)
