"""The verbs that look at an archive: list, show, replay, judge again, report, export."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import ARCHIVE, Accept, Backend, Json, NodeName, RunName, Where, Workers, importable
from .output import dump, fail, show_or_dump

reading = typer.Typer()


@reading.command()
def runs(archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """List the runs of the archive; those that cannot be read are marked (3)."""
    from ... import records
    from ...archive import Archive
    from . import lists

    found = records.run_records(Archive(archive))
    show_or_dump(found, as_json, lists.runs_table)
    if spoilt := [record["damaged"] for record in found if "damaged" in record]:
        fail(3, spoilt[0] + (f"; {len(spoilt)} runs are damaged" if len(spoilt) > 1 else ""))


@reading.command()
def tree(
    run: RunName = None,
    every: Annotated[bool, typer.Option("--all", help="Also what was not confirmed.")] = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Draw the tree of what a run tried."""
    from ... import records
    from ...archive import Archive
    from . import view

    held = Archive(archive)
    record = held.run(run)
    nodes = held.tree(record.id)
    if as_json:
        dump([records.node_record(node) for node in nodes])
    else:
        view.console().print(view.tree_view(record, nodes, every))


@reading.command()
def show(node: NodeName, archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """Show a node: idea, verdict and reason, scores by seed, cost, and its diff to the parent."""
    from ... import records
    from ...archive import Archive
    from . import view

    held = Archive(archive)
    record = records.full_record(held, held.node(node))
    show_or_dump(record, as_json, view.node_view)


@reading.command()
def diff(a: NodeName, b: NodeName, archive: Where = ARCHIVE, as_json: Json = False) -> None:
    """Show how the program of node A became that of node B."""
    from ...archives import open
    from . import view

    held = open(archive)
    text = held.node(b).diff(held.node(a))
    show_or_dump({"a": a, "b": b, "diff": text}, as_json, view.diff_view)


@reading.command()
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
    found = open(archive).run(name).replay(sandbox, accept_unisolated, warn)
    show_or_dump(found.model_dump(mode="json"), as_json, view.rerun_view)
    raise typer.Exit({"REPRODUCED": 0, "DRIFTED": 5}[found.outcome])


@reading.command()
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
    from ...archive import Archive
    from .rejudge import record, rejudge_view

    changes = {"alpha": alpha, "control": control}
    show_or_dump(record(Archive(archive), run, changes), as_json, rejudge_view)


@reading.command()
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
    sandbox: Annotated[
        str | None, typer.Option(callback=importable, help="Another sandbox than the run's.")
    ] = None,
    workers: Workers = 2,
    accept_unisolated: Accept = False,
    archive: Where = ARCHIVE,
    as_json: Json = False,
) -> None:
    """Say how much better the best node of a run is; the sealed seeds are read once."""
    from ...search.order import SandboxChange
    from .report import Asked, show

    asked = Asked(again, ablation, controls)
    change = SandboxChange(sandbox, workers, accept_unisolated)
    raise typer.Exit(show(run, asked, change, archive, as_json))


@reading.command()
def export(
    node: NodeName,
    to: Annotated[Path | None, typer.Option(help="The directory to make.")] = None,
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
        fail(2, f"{folder} exists and is not empty: name another directory with --to")
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

    found = [records.task_record(load(name)) for name in names()]
    show_or_dump(found, as_json, lists.tasks_table)


@reading.command()
def agents(as_json: Json = False) -> None:
    """List the built-in agents."""
    from ... import records
    from ...agents.opening import listings
    from . import lists

    rows = [records.agent_record(listing) for listing in listings()]
    show_or_dump(rows, as_json, lists.agents_table)
