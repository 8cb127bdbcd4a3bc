"""Judge a run again from its archived evidence, under another error budget."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from ...archive import Archive, Node, Tree
from ...evals import Claim, Keys, Rule, draw, judge
from ...tasks import Frozen

Outcome = Literal["confirmed", "refuted", "undecided"]


class Rejudged(Frozen):
    """One claim of a run, before and under another rule.

    `undecided` is what would have needed more seeds than were spent on it. `ground` is false if
    the node it was compared with, or one that this descends from, is no longer confirmed itself.
    """

    node: str
    says: Literal["better", "simpler"]
    versus: str
    before: Outcome
    after: Outcome
    ground: bool
    log_e: float
    log_threshold: float
    pairs: int


def rejudge(archive: Archive, run_id: str, **changes: Any) -> list[Rejudged]:
    """Every claim of a run in order, under its rule with `changes` such as `alpha=0.01`.

    Evidence is looked at after the same blocks as then, so without changes the outcomes are those
    archived. Raises ArchiveError for an archive that lacks trials, and pydantic's ValidationError
    for changes that make no rule.
    """
    record, tree = archive.run(run_id), archive.tree(run_id)
    rule = Rule.model_validate({**record.rule.model_dump(), **changes})
    keys = record.keys
    settled: list[Claim] = []
    found: list[Rejudged] = []
    lost: set[int] = set()
    for node, claim in tree.claimed():
        if claim.gated and not (settled and settled[-1].held):
            continue
        level = judge.level(rule, settled, gated=claim.gated)
        values = claimed_gains(archive, tree, keys, node, claim)
        outcome, log_e, pairs = _settle(rule, archive, run_id, claim, values, level)
        if claim.void:  # what its seeds say is no evidence, under any rule
            outcome = "refuted"
        held = outcome == "confirmed"
        settled.append(claim.model_copy(update={"held": held, "level": level}))
        if not held and not claim.gated:
            lost.add(node.number)
        found.append(
            Rejudged(
                node=node.id,
                says=claim.says,
                versus=tree[claim.versus].id,
                before="confirmed" if claim.held else "refuted",
                after=outcome,
                ground=not lost & {each.number for each in tree.lineage(node)[:-1]},
                log_e=log_e,
                log_threshold=-math.log(level),
                pairs=pairs,
            )
        )
    return found


def claimed_gains(
    archive: Archive, tree: Tree, keys: Keys, node: Node, claim: Claim
) -> list[float]:
    """The gains that a claim was judged by, from the archived trials of child and rival."""
    against = next((e.against for e in node.evidence if e.stream == claim.stream), "")
    metric = archive.task(node.run).metric
    rival = tree[claim.versus].model_copy(update={"environment": node.environment})
    child, other = (
        archive.evaluation(each, stream, draw(keys, stream, claim.pairs))
        for each, stream in ((node, claim.stream), (rival, against or claim.stream))
    )
    return judge.gains(child, other, metric, paired=not against)


def _settle(
    rule: Rule, archive: Archive, run_id: str, claim: Claim, values: Sequence[float], level: float
) -> tuple[Outcome, float, int]:
    """The first look that decides, or that the evidence ends before one does."""
    margin = rule.margin(archive.task(run_id).metric, claim.says)
    count, log_e = 0, 0.0
    while count < len(values):
        count = min(count + rule.block, len(values))
        standing, log_e = judge.confirm(rule, values[:count], margin, level)
        if standing != "continue":
            return standing, log_e, count
    return "undecided", log_e, count
