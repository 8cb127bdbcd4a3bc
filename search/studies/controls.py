"""Equal-budget controls: what simpler searches would have found with as many trials.

Each is a run of its own in the same archive, with keys that follow from the secret of the run that
it controls, so that starting it again takes it up. Its best node is measured on the sealed seeds of
that run's report, against the same baseline. No search reads any of this.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, Field

from ...archive import Archive, Node
from ...evals import Estimate, derived_key, judge
from ...tasks import Frozen
from ..assemble import assemble
from ..desk.purse import Purse
from ..order import Say
from ..planted import best_planted
from ..run import Config, Run
from .equal_budget import affordable, spend
from .report import Report, sealed, splits, title

CONTROLS = "controls"  # the kind of event that a table of controls is

# What each control changes of the configuration of the run that it controls.
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "best-of-n": {"select": "planted"},
    "random-tweak": {"agent": "random_tweak", "tune": 0.0},
    "seed-only": {"agent": "seed_only", "novelty": False, "tune": 0.0},
}


class ControlsRow(Frozen):
    """One search: what it spent and kept, and its best node on the sealed seeds of the report.

    `dev` and `transfer` are gains over the best baseline of the controlled run. `naive` of the
    `compared` screens had the higher mean, which is all that many searches ask for, the largest by
    `naive_gain` in the metric's unit. `behind` is the gain of the controlled run's node over this
    one, seed by seed on development workloads; older tables have none.
    """

    search: str
    run: str
    trials: int = Field(ge=0, validation_alias=AliasChoices("trials", "evaluations"))
    proposals: int
    kept: int
    confirmed: int
    best: str = ""
    validated: bool = True
    dev: Estimate | None = None
    transfer: Estimate | None = None
    behind: Estimate | None = None
    compared: int
    naive: int
    naive_gain: float | None = None


class ControlsTable(Frozen):
    """The controlled run first, then its controls, at a budget of so many `trials`."""

    baseline: str
    reading: int
    trials: int = Field(ge=0, validation_alias=AliasChoices("trials", "evaluations"))
    rows: tuple[ControlsRow, ...]


def tables(archive: Archive, run_id: str) -> list[ControlsTable]:
    """The tables recorded of a run so far, oldest first; nothing is measured."""
    return archive.records(run_id, CONTROLS, ControlsTable)


def control(run: Run, reading: Report, say: Say) -> ControlsTable:
    """Grow every control of `run` to its budget, compare their best nodes, and record the table.

    `say` is called with messages of progress. A control that is in the archive goes on where it
    stopped.
    """
    budget = run.archive.tree(run.id).trials
    controls = {name: grow(run, name, budget, say) for name in CHANGES}
    searches = {"this search": run, **controls}
    table = ControlsTable(
        baseline=reading.baseline,
        reading=reading.reading,
        trials=budget,
        rows=tuple(_row(run, reading, name, search) for name, search in searches.items()),
    )
    run.archive.log(run.id, CONTROLS, table.model_dump(mode="json"))
    return table


def grow(run: Run, name: str, budget: int, say: Say) -> Run:
    """Begin the control of that name, or take it up, and search until its budget is spent."""
    config = control_config(run.config, run.id, name)
    run_id = f"{name}-{run.id}"
    endpoint = run.cassette.endpoint if run.cassette else None
    purse = Purse(run.archive, run_id, config.models, run.budget, endpoint)
    controlling = assemble(purse, config, run.lab, run.workers)
    if all(record.id != run_id for record in run.archive.runs()):
        run.archive.start_run(run_id, run.task, config.model_dump(mode="json"))
    with run.archive.hold(run_id):
        spend(controlling, budget, affordable(budget), f"control {name}", say)
    return controlling


def control_config(config: Config, run_id: str, name: str) -> Config:
    """The configuration of a run's control: the same but for what the control is about.

    In `seed-only` child and parent run on different seeds: on the same ones they would be equal.
    """
    changes = dict(CHANGES[name])
    if name == "seed-only":
        changes["rule"] = config.rule.model_copy(update={"design": "unpaired"})
    changes |= {"control_of": run_id, "turns": None, "seed": None, "approve": "never"}
    changes |= {
        "key": derived_key(config.key, f"control {name}"),
        "secret": derived_key(config.keys.sealed, f"control {name}"),
    }
    return config.model_copy(update=changes)


def _row(run: Run, reading: Report, name: str, search: Run) -> ControlsRow:
    tree = run.archive.tree(search.id)
    best = run.archive.tree(run.id)[reading.number] if search is run else tree.best()
    proposals = tree.proposals()
    screens = [n.verdict.screen for n in proposals if n.verdict and n.verdict.screen]
    better = [screen.mean for screen in screens if screen.mean > 0]
    row = ControlsRow(
        search=name,
        run=search.id,
        trials=tree.trials,
        proposals=len(proposals),
        kept=sum(node.kept for node in proposals),
        confirmed=len(tree.confirmed()),
        compared=len(screens),
        naive=len(better),
        naive_gain=max(better, default=None),
    )
    return row if best is None else row.model_copy(update=_measured(run, reading, best))


def _measured(run: Run, reading: Report, best: Node) -> dict[str, Any]:
    """A search's best node, and its gains over the report's baseline on the report's seeds."""
    baseline = best_planted(run.archive.tree(run.id))
    record = run.archive.run(run.id)
    columns: dict[str, Any] = {"best": best.id, "validated": best.validated}
    for split in splits(run.task):
        nodes = {"best": best, title(baseline): baseline}
        trials = sealed(record, run.lab, reading.reading, split, nodes, run.workers)
        values = judge.gains(trials["best"], trials[title(baseline)], run.task.metric)
        columns[split] = judge.estimate(values)
    ours = run.archive.tree(run.id)[reading.number]
    if best.id != ours.id:
        trials = sealed(
            record, run.lab, reading.reading, "dev", {"ours": ours, "best": best}, run.workers
        )
        values = judge.gains(trials["ours"], trials["best"], run.task.metric)
        columns["behind"] = judge.estimate(values)
    return columns
