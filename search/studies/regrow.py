"""Grow a whole run again, offline: its replies and trials are read, its decisions are made anew."""

from pathlib import Path
from typing import Literal

from ...agents.opening import open_agent
from ...archive import Archive, Node, Tree
from ...sandbox import Sandbox
from ...tasks import Frozen
from ..assemble import assemble
from ..budget import Budget
from ..desk.consent import DECIDED
from ..desk.purse import Purse
from ..lab import Lab
from ..loop import More, search
from ..run import Config, Run

WORKERS = 2


class Rerun(Frozen):
    """The result of growing a run again. `same` of its `states` came out alike, byte for byte."""

    run: str
    outcome: Literal["REPRODUCED", "DRIFTED"]
    reason: str
    states: int
    same: int
    replies: int
    trials: int


def rerun(archive: Archive, name: str | None, sandbox: Sandbox, scratch: Path) -> Rerun:
    """Grow a run again in the empty folder `scratch`, and compare state by state.

    No model is asked and nothing that was measured is measured again: the cassette and the archived
    trials answer. Every proposal is made anew by the agent and smoke-tested in `sandbox`, and every
    verdict is reached anew.
    """
    record = archive.run(name)
    config = Config.of(record)
    before = archive.states(record.id)
    copy = Archive(scratch / "replay.db", create=True)
    try:
        archive.lend(record.id, copy, [DECIDED])
        run = _run(archive, copy, record.id, config, sandbox, before)
        after = list(search(run, _turns(len(before)), endless=True)) if before else []
        replies = len(copy.replies(record.id))
        spent = run.lab.trials
    finally:
        copy.close()
    same, reason = _compare(before, after)
    whole = same == len(before) == len(after)
    if whole and spent:
        reason += f"; {spent} trials were missing and measured anew"
    return Rerun(
        run=record.id,
        outcome="REPRODUCED" if whole else "DRIFTED",
        reason=reason,
        states=len(before),
        same=same,
        replies=replies,
        trials=sum(sum(e.count for e in node.seeds_run) for node in Tree(before)),
    )


def _run(
    archive: Archive,
    copy: Archive,
    run_id: str,
    config: Config,
    sandbox: Sandbox,
    before: list[Node],
) -> Run:
    lab = Lab(
        archive.task(run_id),
        sandbox,
        copy,
        strict=config.sharing == "strict",
        environment=before[0].environment if before else None,
    )
    lab.isolation = before[0].isolation if before else sandbox.isolation
    return assemble(
        Purse(copy, run_id, config.models, Budget()),  # without an endpoint: nothing is asked
        config,
        lab,
        WORKERS,
        agent=open_agent(config.agent, archive),
        patience=len(before) + 1,  # what took several sessions is grown again in one
    )


def _turns(count: int) -> More:
    """Allow as many turns as the run had, planting included."""
    return lambda tree, turn: turn < count


def _compare(before: list[Node], after: list[Node]) -> tuple[int, str]:
    """How many states came out alike before the first that did not, and what that was."""
    for number, (was, now) in enumerate(zip(before, after, strict=False)):
        was = was.model_copy(update={"company_replayed": False})  # what came later is not its run's
        if was != now:
            fields = [f for f in Node.model_fields if getattr(was, f) != getattr(now, f)]
            return number, f"{was.id} came out otherwise in its {', '.join(fields)}"
    if len(before) != len(after):
        return min(len(before), len(after)), f"{len(after)} states instead of {len(before)}"
    return len(before), "every state of every node is identical"
