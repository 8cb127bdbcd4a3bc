"""The searches of a bench of agents: begun on equal terms, taken up where they stopped.

Every search is a run of its own in the archive, marked as part of its bench, so that it can be
looked at, replayed, and gone on with after a kill.
"""

import math
import re
from contextlib import closing
from typing import Any, Literal, NamedTuple

from ....agents.base import AgentError
from ....agents.learning import shipped
from ....archive import Archive, RunRecord, Tree
from ....evals import Keys, Rule, derived_key, fresh_key, key_from
from ....sandbox import Sandbox
from ....tasks import Task
from ...assemble import assemble
from ...budget import Caps
from ...desk.purse import budget_left, checkpoints, forget, open_purse
from ...desk.roster import Models
from ...loop import More
from ...order import Chance, Say
from ...run import Config, Run
from ..equal_budget import affordable, finished_turns, spend

ENDED = "stopped"  # the kind of event that says how far a search went
# What is fixed once a search has begun.
FIXED = ("agent", "select", "tune", "rule", "models", "sharing", "control_of")


class Terms(NamedTuple):
    """What all searches of a bench on one task have in common.

    Each may spend so many `trials`, and so many `dollars` on models, if that is given.
    Where `chance` gives a seed or a secret, those of each search follow from it.
    """

    bench: str
    task: Task
    rule: Rule
    trials: int
    searches: int
    sandbox: str = "auto"
    sharing: Literal["shared", "strict"] = "shared"
    workers: int = 2
    chance: Chance = Chance()
    dollars: float | None = None


class Entrant(NamedTuple):
    """An agent that takes part, with its selection policy and the models it asks.

    It tunes constants with the share `tune` of its trials.
    """

    agent: str
    select: str
    models: Models | None = None
    tune: float = 0.0


def search_id(bench: str, task: str, agent: str, number: int) -> str:
    """The id of the run that is the search of this number; searches count from 1."""
    return re.sub(r"[^\w-]", "-", f"{bench}-{task}-{agent}-{number:03d}")


def configured(archive: Archive, terms: Terms, entrant: Entrant, number: int) -> Config:
    """The configuration of a search, which is begun if it is not in the archive.

    Raises AgentError for a search of that name that was begun on other terms.
    """
    name = search_id(terms.bench, terms.task.name, entrant.agent, number)
    records = {record.id: record for record in archive.runs()}
    keys = _keys(archive, terms, entrant, number)
    config = Config(
        task=terms.task.name,
        agent=entrant.agent,
        select=entrant.select,
        tune=entrant.tune,
        sandbox=terms.sandbox,
        sharing=terms.sharing,
        key=keys.steer,
        secret=keys.sealed,
        data=keys.data,
        lag=2 * terms.workers - 1,
        schedule="adaptive",
        company=True,
        rule=terms.rule,
        control_of=terms.bench,
        models=entrant.models,
        learned=shipped(terms.task),
    )
    if name not in records:
        archive.start_run(name, terms.task, config.model_dump(mode="json"))
        return config
    begun = Config.of(records[name])
    differ = [field for field in FIXED if getattr(begun, field) != getattr(config, field)]
    if records[name].task_digest != terms.task.digest:
        differ.append("task")
    if differ:
        raise AgentError(
            f"search {name} was begun with another {' and '.join(differ)}: "
            "compare under another --name, or in another --archive"
        )
    return begun


def rule_of(archive: Archive, bench: str, task: Task) -> Rule | None:
    """The rule of the searches of a bench on a task, if there are any."""
    records = _siblings(archive, bench, task)
    return records[0].rule if records else None


def conduct(
    terms: Terms, entrant: Entrant, number: int, archive: Archive, sandbox: Sandbox, say: Say
) -> None:
    """One search of one agent, to the end of its budget.

    Raises AgentError for a search that was begun on other terms, and what `loop.search` raises.
    """
    config = configured(archive, terms, entrant, number)
    run_id = search_id(terms.bench, terms.task.name, entrant.agent, number)
    budget = budget_left(archive, run_id, entrant.models, Caps(dollars=terms.dollars))
    with (
        archive.hold(run_id),
        closing(open_purse(archive, run_id, entrant.models, budget)) as purse,
    ):
        lab = purse.lab(terms.task.keyed(config.data), sandbox, terms.sharing == "strict")
        lab.charge(purse.budget)
        place = checkpoints(archive, run_id)
        run = assemble(purse, config, lab, terms.workers, checkpoints=place)
        grow(run, terms.trials, say)
    forget(archive, run_id)


def grow(run: Run, trials: int, say: Say) -> None:
    """Search until that many trials are spent, and record that it was done.

    A search that was cut short goes on, and so does one that had a smaller budget. A search that
    has had as much or more, of dollars too, is left alone.
    """
    budget = {"trials": trials, "dollars": run.budget.caps.dollars}
    before = [event["data"] for event in ends(run.archive, run.id)]
    if any(_covers(end, budget) for end in before):
        return
    spend(run, trials, until(trials), run.id, say)
    run.archive.log(run.id, ENDED, {"reason": "bench", **budget, "spent": run.budget.spent})
    tree = run.archive.tree(run.id)
    say(f"{run.id}: done, {tree.trials} trials, {len(tree.confirmed())} confirmed")


def until(trials: int) -> More:
    """Let turns begin until those that are finished have spent the budget.

    What is on its way by then goes beyond it, and `compare` does not count that. So a search that
    was cut short ends up with the same turns within its budget as one that was not.
    """
    more = affordable(trials)

    def until_spent(tree: Tree, turn: int) -> bool:
        return more(tree, finished_turns(tree))

    return until_spent


def _covers(budget: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether a budget is as large as the one that is wanted; dollars that are None have no end."""
    limits = (math.inf if b["dollars"] is None else b["dollars"] for b in (budget, wanted))
    dollars, wanted_dollars = limits
    return bool(budget["trials"] >= wanted["trials"] and dollars >= wanted_dollars)


def ends(archive: Archive, run: str) -> list[dict[str, Any]]:
    """How a search came to the end of its budget, and of smaller ones before it."""
    return [e for e in archive.events(run, ENDED) if e["data"].get("reason") == "bench"]


def _keys(archive: Archive, terms: Terms, entrant: Entrant, number: int) -> Keys:
    """The keys of a search: the one that steers it is its own.

    The sealed key is shared by the searches of one number, so that agents meet the same seeds. If
    models are paid for it is not shared, as the first agent would pay for the others' trials.
    """
    seed, secret = terms.chance
    own = f"{terms.task.name} {entrant.agent} {number}"
    key = fresh_key() if seed is None else derived_key(key_from(seed), f"bench {own}")
    shared = f"{terms.task.name} {number}"
    if secret is not None:
        return Keys.fresh(key, derived_key(secret, f"bench {own if entrant.models else shared}"))
    for record in [] if entrant.models else _siblings(archive, terms.bench, terms.task):
        if record.id.endswith(f"-{number:03d}") and not record.asks_models:
            return record.keys._replace(steer=key)
    return Keys.fresh(key)


def _siblings(archive: Archive, bench: str, task: Task) -> list[RunRecord]:
    """The searches of a bench on a task that have begun, in the order in which they did."""
    terms = (bench, task.digest)
    return [r for r in archive.runs() if (r.control_of, r.task_digest) == terms]
