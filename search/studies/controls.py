"""Equal-budget controls: what simpler searches would have found with as many trials.

Each is a run of its own in the same archive, with keys that follow from the secret of the run that
it controls, so that starting it again takes it up. Its best node is measured on the sealed seeds of
that run's report, against the same baseline. No search reads any of this.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import AliasChoices, Field

from ...agents.opening import open_agent
from ...archive import Archive, Node, Tree
from ...evals import Estimate, judge
from ...tasks import Frozen
from ..confirm import best_planted
from ..loop import More, search
from ..run import Config, Run
from ..select import POLICIES
from .report import SEEDS, Report, sealed, title

CONTROLS = "controls"  # the kind of event that a table of controls is

# What each control changes of the configuration of the run that it controls.
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "best-of-n": {"select": "planted"},
    "random-tweak": {"agent": "random_tweak"},
    "seed-only": {"agent": "seed_only", "novelty": False},
}


class Row(Frozen):
    """One search: what it spent and kept, and its best node on the sealed seeds of the report.

    `dev` and `transfer` are gains over the best baseline of the controlled run. `naive` of the
    `compared` screens had the higher mean, which is all that many searches ask for, the largest by
    `naive_gain` in the metric's unit.
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
    compared: int
    naive: int
    naive_gain: float | None = None


class Table(Frozen):
    """The controlled run first, then its controls, at a budget of so many `trials`."""

    baseline: str
    reading: int
    trials: int = Field(ge=0, validation_alias=AliasChoices("trials", "evaluations"))
    rows: tuple[Row, ...]


def tables(archive: Archive, run_id: str) -> list[Table]:
    """The tables recorded of a run so far, oldest first; nothing is measured."""
    return archive.records(run_id, CONTROLS, Table)


def control(run: Run, reading: Report, say: Callable[[str], None] = print) -> Table:
    """Grow every control of `run` to its budget, compare their best nodes, and record the table.

    `say` is told of the progress. A control that is in the archive is taken up where it stopped.
    """
    budget = spent(run.archive.tree(run.id))
    grown = {name: grow(run, name, budget, say) for name in CHANGES}
    trees = {"this search": run, **grown}
    table = Table(
        baseline=reading.baseline,
        reading=reading.reading,
        trials=budget,
        rows=tuple(_row(run, reading, name, each) for name, each in trees.items()),
    )
    run.archive.log(run.id, CONTROLS, table.model_dump(mode="json"))
    return table


def grow(run: Run, name: str, budget: int, say: Callable[[str], None] = print) -> Run:
    """Begin the control of that name, or take it up, and search until its budget is spent."""
    config = control_config(run.config, run.id, name)
    mine = replace(
        run,
        id=f"{name}-{run.id}",
        config=config,
        agent=open_agent(config.agent, run.archive),
        select=POLICIES[config.select],
        cassette=run.cassette.of(f"{name}-{run.id}") if run.cassette else None,
        checkpoints=None,
    )
    if all(record.id != mine.id for record in run.archive.runs()):
        run.archive.start_run(mine.id, run.task, config.model_dump(mode="json"))
    with run.archive.hold(mine.id):
        cost = {node.number: node.trials for node in run.archive.tree(mine.id)}
        told = sum(cost.values())
        for node in search(mine, affordable(budget)):
            cost[node.number] = node.trials
            done = sum(cost.values())
            if done - told >= budget / 10:
                say(f"control {name}: {done} of {budget} trials")
                told = done
    return mine


def control_config(config: Config, run_id: str, name: str) -> Config:
    """The configuration of a run's control: the same but for what the control is about.

    Of `seed-only`, child and parent run on different seeds: on the same ones they would be equal.
    """
    changes = dict(CHANGES[name])
    if name == "seed-only":
        changes["rule"] = config.rule.model_copy(update={"design": "unpaired"})
    changes |= {"control_of": run_id, "turns": None, "seed": None, "approve": "never"}
    changes |= {
        "key": _derived(config.key, name),
        "secret": _derived(config.keys.sealed, name),
    }
    return config.model_copy(update=changes)


def affordable(budget: int) -> More:
    """A budget of trials for `search`, some of whose turns are always on their way.

    No turn starts once those settled and those on their way, each at the mean cost so far, use it
    up; so what is spent differs from the budget by about a turn.
    """

    def more(tree: Tree, turn: int) -> bool:
        made = [node for node in tree if node.verdict is not None]
        settled = max((node.turn + 1 for node in tree), default=0)
        mean = sum(node.trials for node in made) / max(1, settled - len(tree.roots()))
        return spent(tree) + (turn - settled) * mean < budget

    return more


def spent(tree: Tree) -> int:
    """The trials that a run's nodes took, planted ones included."""
    return sum(node.trials for node in tree)


def _row(run: Run, reading: Report, name: str, searched: Run) -> Row:
    tree = run.archive.tree(searched.id)
    best = run.archive.tree(run.id)[reading.number] if searched is run else tree.best()
    made = [node for node in tree if node.verdict is not None]
    screens = [n.verdict.screen for n in made if n.verdict and n.verdict.screen]
    better = [screen.mean for screen in screens if screen.mean > 0]
    row = Row(
        search=name,
        run=searched.id,
        trials=spent(tree),
        proposals=len(made),
        kept=sum(node.kept for node in made),
        confirmed=len(tree.confirmed()),
        compared=len(screens),
        naive=len(better),
        naive_gain=max(better, default=None),
    )
    return row if best is None else row.model_copy(update=_measured(run, reading, best))


def _measured(run: Run, reading: Report, best: Node) -> dict[str, Any]:
    """A search's best node, and its gains over the report's baseline on the report's seeds."""
    baseline = best_planted(run.archive.tree(run.id))
    keys = run.archive.run(run.id).keys
    found: dict[str, Any] = {"best": best.id, "validated": best.validated}
    for split in SEEDS:
        nodes = {"best": best, title(baseline): baseline}
        trials = sealed(keys, run.lab, reading.reading, split, nodes, run.workers)
        values = judge.gains(trials["best"], trials[title(baseline)], run.task.metric)
        found[split] = judge.estimate(values)
    return found


def _derived(key: str, name: str) -> str:
    """A key of the same strength, which foretells nothing of the one it follows from."""
    return hashlib.sha256(f"{key}\ncontrol {name}".encode()).hexdigest()[:32]
