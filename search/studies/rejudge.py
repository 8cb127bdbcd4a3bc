"""Judge a run again from its archived evidence, under another error budget."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from ...archive import Archive, Node, Tree
from ...evals import Claim, Keys, Rule, draw, judge
from ...tasks import Frozen
from ..series import share

Outcome = Literal["confirmed", "repeated", "unproven", "refuted", "undecided"]


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

    Under the control `archive` it may spend the share that it would have had when it began.

    The test looks at the evidence after the same blocks as the run did. So without changes the
    outcomes are those archived.

    Raises ArchiveError for an archive that lacks trials, and pydantic's ValidationError for changes
    that make no rule.
    """
    record, tree = archive.run(run_id), archive.tree(run_id)
    if "control" in changes:
        whole = changes["control"] != "archive"
        changes["share"] = 1.0 if whole else share(archive, record.task_digest, record.id)
    rule = Rule.model_validate({**record.rule.model_dump(), **changes})
    reported = archive.task(run_id).level == "reported"
    kept: Outcome = "repeated" if reported else "confirmed"
    claims: list[Claim] = []
    rejudged: list[Rejudged] = []
    lost: set[int] = set()
    for node, claim in tree.claimed():
        if claim.gated and not (claims and claims[-1].held):
            continue
        level = judge.level(rule, claims, gated=claim.gated)
        gains = claimed_gains(archive, tree, record.keys, node, claim)
        tested = _tested(archive, _pooled(rule, node), node, claim, gains, level)
        margin = rule.margin(archive.task(run_id).metric, claim.says)
        after = _outcome(rule, claim, tested, margin)
        claims.append(claim.model_copy(update={"held": after == "confirmed", "level": level}))
        if after != "confirmed" and not claim.gated:
            lost.add(node.number)
        rejudged.append(
            Rejudged(
                node=node.id,
                says=claim.says,
                versus=tree[claim.versus].id,
                before=kept if claim.held else _given_up(record.rule, claim, gains, margin),
                after=kept if after == "confirmed" else after,
                ground=not lost & {ancestor.number for ancestor in tree.lineage(node)[:-1]},
                log_e=tested.log_e,
                log_threshold=-math.log(level),
                pairs=tested.pairs,
            )
        )
    return rejudged


def _pooled(rule: Rule, node: Node) -> Rule:
    """The rule with the spread that was pooled before the claims of this node."""
    judged_by = node.verdict.rule if node.verdict else None
    if rule.pooled is None or judged_by is None or judged_by.pooled is None:
        return rule
    return rule.model_copy(update={"pooled": judged_by.pooled})


def claimed_gains(
    archive: Archive, tree: Tree, keys: Keys, node: Node, claim: Claim
) -> list[float]:
    """The gains that a claim was judged by, from the archived trials of child and rival."""
    against = next((e.against for e in node.evidence if e.stream == claim.stream), "")
    metric = archive.task(node.run).metric
    rival = tree[claim.versus].model_copy(update={"environment": node.environment})
    child, other = (
        archive.evaluation(measured, stream, draw(keys, stream, claim.pairs))
        for measured, stream in ((node, claim.stream), (rival, against or claim.stream))
    )
    return judge.gains(child, other, metric, paired=not against)


def _outcome(rule: Rule, claim: Claim, tested: judge.Tested, margin: float) -> Outcome:
    """What becomes of a claim; what the seeds of a void one say is no evidence, under any rule."""
    if tested.outcome == "refuted" or claim.void:
        return _given_up(rule, claim, tested.gains, margin)
    return tested.outcome


def _given_up(
    rule: Rule, claim: Claim, gains: Sequence[float], margin: float
) -> Literal["unproven", "refuted"]:
    """What a claim is that did not hold after these gains."""
    return "refuted" if claim.void else judge.given_up(rule, judge.estimate(gains), margin)


def _tested(
    archive: Archive,
    rule: Rule,
    node: Node,
    claim: Claim,
    gains: Sequence[float],
    level: float,
) -> judge.Tested:
    """Put the claim to its archived gains once more; undecided if they end before the test does."""
    margin = rule.margin(archive.task(node.run).metric, claim.says)
    return judge.sequential_test(rule, margin, level, lambda count: gains[:count])
