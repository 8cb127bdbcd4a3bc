"""Put claims to fresh seeds: a child against its parent, and against the best baseline."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from statistics import fmean
from typing import Literal

from ..archive import Evidence, Node, Tree
from ..evals import COMMON, Claim, Evaluation, Verdict, judge
from . import company
from .run import Run
from .screen import against, gains, measured, merged


def confirm(
    run: Run, pool: ThreadPoolExecutor, node: Node, tree: Tree, says: Literal["better", "simpler"]
) -> Node:
    """Settle what a screened child claims over its parent and, if that holds, rank it.

    A `simpler` child is held against the node that the parent itself was simplified from. One that
    holds as `better` may go on to beat the best baseline, on fresh seeds again. What held is first
    repeated in other company: a node whose evidence depends on that is invalid, with its claims.
    """
    assert node.parent is not None
    assert node.verdict is not None
    parent = tree[node.parent]
    rival = tree.anchor(parent) if says == "simpler" else parent
    rule, metric = run.config.rule, run.task.metric
    level = judge.level(rule, tree.claims())
    claim, values = _settle(run, pool, node, rival, says, level)
    if claim.held and (reason := company.claimed(run, pool, node, claim.stream, claim.pairs)):
        return _void(node, [claim], reason, _fresh(run, claim))
    verdict = judge.confirmed_or_refuted(rule, values, metric, claim, node.verdict)
    checked = {"company_checked": run.config.company and claim.held}
    node = _with(node, verdict.model_copy(update=checked), _fresh(run, claim))
    if not claim.held:
        return node
    node = rank(run, pool, node, tree)
    baseline = best_planted(tree)
    if says == "simpler" or rival.number == baseline.number or not _ahead(run, node, baseline):
        return node
    gated = judge.level(rule, [*tree.claims(), claim], gated=True)
    over, _ = _settle(run, pool, node, baseline, "better", gated, gated=True)
    if over.held and (reason := company.claimed(run, pool, node, over.stream, over.pairs)):
        return _void(node, [claim, over], reason, _fresh(run, over))
    assert node.verdict is not None
    verdict = node.verdict.model_copy(update={"claims": (claim, over)})
    return _with(node, verdict, _fresh(run, over))


def _settle(
    run: Run,
    pool: ThreadPoolExecutor,
    node: Node,
    rival: Node,
    says: Literal["better", "simpler"],
    level: float,
    gated: bool = False,
) -> tuple[Claim, list[float]]:
    """Compare with `rival` on fresh seeds, block by block, until the rule has decided."""
    rule, metric = run.config.rule, run.task.metric
    stream = f"{'baseline' if gated else 'confirm'}/{node.number}"
    margin = rule.margin(metric, says)
    reached = judge.Reached("continue", 0.0)
    count = 0
    while reached.standing == "continue":
        count = min(count + rule.block, rule.most)
        pair = [
            pool.submit(measured, run, node.candidate, stream, count),
            pool.submit(measured, run, rival.candidate, against(run, stream) or stream, count),
        ]
        values = gains(run, *(each.result() for each in pair))
        reached = judge.confirm(rule, values, margin, level)
    claim = Claim(
        says=says,
        versus=rival.number,
        held=reached.standing == "confirmed",
        gated=gated,
        turn=node.turn,
        level=level,
        log_e=reached.log_e,
        stream=stream,
        pairs=count,
        evidence=judge.digest(values),
    )
    return claim, values


def rank(run: Run, pool: ThreadPoolExecutor, node: Node, tree: Tree, count: int = 0) -> Node:
    """Estimate a kept node's gain on common seeds, which had no part in keeping it."""
    metric, count = run.task.metric, count or run.config.rule.estimate
    assert node.parent is not None
    assert node.verdict is not None
    asked = [node.candidate, tree[node.parent].candidate, tree[0].candidate]
    futures = [pool.submit(measured, run, each, COMMON, count) for each in asked]
    child, parent, start = (future.result() for future in futures)
    over_parent = judge.estimate(judge.gains(child, parent, metric))
    over_start = judge.summary(judge.gains(child, start, metric))
    verdict = node.verdict.model_copy(update={"estimate": over_parent})
    common = Evidence(stream=COMMON, count=count, versus=node.parent)
    return _with(node, verdict, common).model_copy(
        update={
            "score": fmean(child.values(metric.worst)),
            "gain": over_start.mean,
            "gain_error": over_start.error,
            "instances": instances(run, child, start),
        }
    )


def instances(run: Run, evaluation: Evaluation, start: Evaluation) -> tuple[float, ...]:
    """Gains over the start on the first common seeds: workload by workload, and seed by seed.

    Of the same order and length for every node of a run. A failed seed counts as the worst.
    """
    first, workloads = run.config.rule.estimate, run.task.manifest.workloads.dev
    each = (judge.gains(evaluation, start, run.task.metric, name)[:first] for name in workloads)
    return tuple(chain.from_iterable(each))


def best_planted(tree: Tree) -> Node:
    """The best of the start and the baselines, of those that have a score."""
    return max(tree.planted(), key=lambda node: node.gain or 0.0)


def _ahead(run: Run, node: Node, baseline: Node) -> bool:
    """Whether the common seeds, which rank, promise that a claim over `baseline` would hold."""
    count = run.config.rule.estimate
    child, other = (measured(run, n.candidate, COMMON, count) for n in (node, baseline))
    found = judge.summary(judge.gains(child, other, run.task.metric))
    return found.t >= run.config.rule.promote_t


def _fresh(run: Run, claim: Claim) -> Evidence:
    return Evidence(
        stream=claim.stream,
        count=claim.pairs,
        versus=claim.versus,
        against=against(run, claim.stream),
    )


def _void(node: Node, claims: Sequence[Claim], reason: str, evidence: Evidence) -> Node:
    """The node once its evidence was found to depend on company: nothing it claimed holds."""
    assert node.verdict is not None
    void = tuple(claim.model_copy(update={"held": False, "void": True}) for claim in claims)
    verdict = Verdict(
        standing="invalid",
        reason=reason,
        rule=node.verdict.rule,
        evidence=claims[-1].evidence,
        screen=node.verdict.screen,
        claims=void,
        flags=node.verdict.flags,
    )
    unranked = {"score": None, "gain": None, "gain_error": 0.0, "instances": ()}
    return _with(node, verdict, evidence).model_copy(update=unranked)


def _with(node: Node, verdict: Verdict, evidence: Evidence) -> Node:
    """The node with a new verdict and more evidence; what ranks it stays the last of that."""
    return node.model_copy(update={"verdict": verdict, "evidence": merged(node.evidence, evidence)})
