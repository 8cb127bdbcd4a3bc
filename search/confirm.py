"""Put claims to fresh seeds: a child against its parent, and against the best baselines."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from statistics import fmean
from typing import Literal, NamedTuple

from ..archive import Child, Evidence, Node, Tree
from ..evals import COMMON, Claim, Evaluation, Rule, Summary, Verdict, judge
from . import company
from .planted import behind, best_planted
from .run import Run
from .screen import against, gains, measured, merged


def confirm(
    run: Run, pool: ThreadPoolExecutor, node: Node, tree: Tree, says: Literal["better", "simpler"]
) -> Node:
    """Test what a screened child claims over its parent and, if the claim holds, rank the child.

    A `simpler` child is compared with the node that the parent itself was simplified from. A
    `better` one may then claim to beat the best baseline. Before a claim is believed, its seeds are
    repeated in other company. If the evidence depends on the company, the node is invalid and its
    claims are void. Where programs state their own scores, a claim that holds is repeated, and
    nothing is confirmed.
    """
    child = tree.child(node)
    rival = tree.anchor(child.parent) if says == "simpler" else child.parent
    rule, metric = judge.pooled_so_far(run.config.rule, tree.claims()), run.task.metric
    far = behind(rule, tree, child.parent, child.screen)
    level = judge.level(rule, tree.claims(), behind=far)
    question = _Question(says, level, f"confirm/{node.number}", behind=far)
    claim, fresh_gains = _tested(run, pool, node, rival, question, rule)
    if claim.held and (reason := company.claimed(run, pool, node, claim.stream, claim.pairs)):
        return _void(child, [claim], reason, _fresh(run, claim), rule)
    verdict = judge.confirmed_or_refuted(rule, fresh_gains, metric, claim, child.verdict)
    if run.task.level == "reported":
        verdict = judge.repeated(verdict)
    checked = {"company_checked": run.config.company and claim.held}
    node = _with(node, verdict.model_copy(update=checked), _fresh(run, claim))
    if not claim.held:
        return node
    node = rank(run, pool, node, tree)
    return node if says == "simpler" else _over_baselines(run, pool, node, tree, claim, rule)


def _over_baselines(
    run: Run, pool: ThreadPoolExecutor, node: Node, tree: Tree, first: Claim, rule: Rule
) -> Node:
    """Claim to beat the best baseline, and those that may be as good, one after another.

    Each claim is made because the one before it held, at its level. With shared seeds the baselines
    run those of the `first` claim, on which the child has its scores. Nothing is claimed where the
    common seeds do not promise that all would hold.
    """
    claims = [first]
    rivals = [rival for rival in foremost(run, tree) if rival.number != first.versus]
    if not all(_ahead(run, node, rival) for rival in rivals):
        return node
    for rival in rivals:
        level = judge.level(rule, [*tree.claims(), *claims], gated=True, behind=first.behind)
        stream = first.stream if rule.baseline_seeds == "shared" else f"baseline/{node.number}"
        question = _Question("better", level, stream, gated=True, behind=first.behind)
        over, _ = _tested(run, pool, node, rival, question, rule)
        repeated = max((claim.pairs for claim in claims if claim.stream == stream), default=0)
        claims.append(over)
        anew = over.held and over.pairs > repeated
        if anew and (reason := company.claimed(run, pool, node, stream, over.pairs)):
            return _void(tree.child(node), claims, reason, _fresh(run, over), rule)
        verdict = tree.child(node).verdict.model_copy(update={"claims": tuple(claims)})
        node = _with(node, verdict, _fresh(run, over))
        if not over.held:
            break
    return node


class _Question(NamedTuple):
    """What is claimed over a rival, at which level of error, and on which seeds."""

    says: Literal["better", "simpler"]
    level: float
    stream: str
    gated: bool = False
    behind: bool = False


def _tested(
    run: Run,
    pool: ThreadPoolExecutor,
    node: Node,
    rival: Node,
    question: _Question,
    rule: Rule,
) -> tuple[Claim, Sequence[float]]:
    """Test a claim over `rival` on the seeds of a stream. Returns it, and the gains that decided.

    Raises BudgetSpent between two looks. Whoever tests the claim again reads the trials so far from
    the archive, so the same looks are taken and the test goes on.
    """
    says, level, stream, gated, behind = question

    def look(count: int) -> list[float]:
        pair = [
            pool.submit(measured, run, node.candidate, stream, count),
            pool.submit(measured, run, rival.candidate, against(run, stream) or stream, count),
        ]
        return gains(run, *(future.result() for future in pair))

    tested = judge.sequential_test(rule, rule.margin(run.task.metric, says), level, look)
    claim = Claim(
        says=says,
        versus=rival.number,
        held=tested.held,
        gated=gated,
        turn=node.turn,
        level=level,
        log_e=tested.log_e,
        stream=stream,
        pairs=tested.pairs,
        evidence=judge.digest(tested.gains),
        behind=behind,
        gain=judge.summary(tested.gains),
        scores=_scores(run, node, rival, stream, tested.pairs),
        failed=measured(run, node.candidate, stream, tested.pairs).failures
        if rule.unproven
        else None,
    )
    return claim, tested.gains


def _scores(
    run: Run, node: Node, rival: Node, stream: str, count: int
) -> tuple[Summary, Summary] | None:
    """The scores of a claim on both sides, where they share no seeds."""
    if not (apart := against(run, stream)):
        return None
    sides = (
        measured(run, node.candidate, stream, count),
        measured(run, rival.candidate, apart, count),
    )
    own, other = (judge.summary(judge.above_worst(side, run.task.metric)) for side in sides)
    return own, other


def rank(run: Run, pool: ThreadPoolExecutor, node: Node, tree: Tree, count: int = 0) -> Node:
    """Estimate a kept node's gain on common seeds, which had no part in keeping it."""
    metric, count = run.task.metric, count or run.config.rule.estimate
    child = tree.child(node)
    programs = [node.candidate, child.parent.candidate, tree[0].candidate]
    futures = [pool.submit(measured, run, program, COMMON, count) for program in programs]
    own, parent, start = (future.result() for future in futures)
    over_parent = judge.estimate(judge.gains(own, parent, metric))
    gains_over_start = judge.gains(own, start, metric)
    over_start = judge.summary(gains_over_start)
    new = gains_over_start[sum(block.pairs for block in node.common) :]
    verdict = child.verdict.model_copy(update={"estimate": over_parent})
    evidence = Evidence(stream=COMMON, count=count, versus=node.parent)
    return _with(node, verdict, evidence).model_copy(
        update={
            "score": fmean(own.values(metric.worst)),
            "gain": over_start.mean,
            "gain_error": over_start.error,
            "common": (*node.common, judge.summary(new)),
            "instances": instances(run, own, start),
        }
    )


def instances(run: Run, evaluation: Evaluation, start: Evaluation) -> tuple[float, ...]:
    """Gains over the start on the first common seeds: workload by workload, and seed by seed.

    Their order and number are the same for every node of a run. A failed seed counts as the worst.
    """
    first, workloads = run.config.rule.estimate, run.task.manifest.workloads.dev
    metric = run.task.metric
    by_workload = (judge.gains(evaluation, start, metric, name)[:first] for name in workloads)
    return tuple(chain.from_iterable(by_workload))


def foremost(run: Run, tree: Tree) -> list[Node]:
    """The best planted program, and those that may be as good: which is best is not known.

    On the common seeds their gains lie within `Rule.near` standard errors of the best one's. Where
    baselines have seeds of their own, as in older runs, the best one is alone.
    """
    rule, best = run.config.rule, best_planted(tree)
    if rule.baseline_seeds == "own":
        return [best]
    gaps = {node.number: _common(run, best, node) for node in tree.planted()}
    near = [n for n, gap in gaps.items() if n != best.number and gap.mean <= rule.near * gap.error]
    return [best, *(tree[n] for n in sorted(near, key=lambda n: (gaps[n].mean, n)))]


def _common(run: Run, node: Node, rival: Node) -> Summary:
    """The gains of one node over another on the run's common seeds."""
    count = run.config.rule.estimate
    one, other = (measured(run, n.candidate, COMMON, count) for n in (node, rival))
    return judge.summary(judge.gains(one, other, run.task.metric))


def _ahead(run: Run, node: Node, baseline: Node) -> bool:
    """Whether the gain on common seeds promises that a claim over `baseline` would hold."""
    return _common(run, node, baseline).t >= run.config.rule.promote_t


def _fresh(run: Run, claim: Claim) -> Evidence:
    """The fresh seeds that a claim was tested on."""
    return Evidence(
        stream=claim.stream,
        count=claim.pairs,
        versus=claim.versus,
        against=against(run, claim.stream),
    )


def _void(
    child: Child, claims: Sequence[Claim], reason: str, evidence: Evidence, rule: Rule
) -> Node:
    """The node as invalid, since its evidence depends on company: none of its claims holds."""
    void = tuple(claim.model_copy(update={"held": False, "void": True}) for claim in claims)
    verdict = Verdict(
        standing="invalid",
        reason=reason,
        rule=rule,
        evidence=claims[-1].evidence,
        screen=child.verdict.screen,
        claims=void,
        flags=child.verdict.flags,
    )
    unranked = {"score": None, "gain": None, "gain_error": 0.0, "common": (), "instances": ()}
    return _with(child.node, verdict, evidence).model_copy(update=unranked)


def _with(node: Node, verdict: Verdict, evidence: Evidence) -> Node:
    """The node with a new verdict and more evidence; the common seeds stay last."""
    return node.model_copy(update={"verdict": verdict, "evidence": merged(node.evidence, evidence)})
