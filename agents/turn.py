"""One turn of the ratchet: explore a proposal in a thread, then settle it in the order of turns."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from statistics import fmean
from typing import Literal

from ..archive import Evidence, Node, Tree
from ..evals import Candidate, Role, Verdict, audit, draw, judge
from .base import AgentError, ProposalError
from .evolve.canonical import canonical
from .run import COMMON, Run, behaviour

ATTEMPTS = 8


@dataclass(frozen=True)
class Draft:
    """A turn that has been explored but not yet settled."""

    number: int
    parent: Node
    candidate: Candidate
    canonical: str
    behaviour: str | None = None
    discarded: int = 0
    verdict: Verdict | None = None
    evidence: tuple[Evidence, ...] = ()
    gains: Sequence[float] = ()
    flags: tuple[str, ...] = ()
    log: str = ""


def explore(run: Run, number: int, tree: Tree) -> Draft:
    """Select, propose something new, audit it, and screen it against its parent."""
    rng = Random(f"{run.config.key}/{number}")
    parent = run.select(tree, rng)
    if not parent.eligible:
        raise AgentError(f"the selection policy chose node {parent.id}, which may not be built on")
    draft = _propose(run, number, parent, tree, rng)
    if draft.verdict is not None:
        return draft
    rule, metric = run.config.rule, run.task.metric
    stages: tuple[tuple[Role, int], ...] = (
        ("glance", rule.glance),
        ("dev", rule.first_look),
        ("dev", rule.screen),
    )
    stream = f"search/{parent.number}"
    for role, count in stages:
        seeds = draw(run.config.keys, stream, count)
        evidence = (Evidence(stream=stream, count=count, versus=parent.number, role=role),)
        child = run.lab.evaluate(draft.candidate, stream, seeds, role)
        if child.failures == count:
            first = child.trials[0]
            reason = f"all {count} seeds ended with {first.status}"
            return _decided(draft, Verdict(standing="invalid", reason=reason), evidence, first.log)
        values = judge.gains(child, run.lab.evaluate(parent.candidate, stream, seeds, role), metric)
        if role == "glance" and judge.ruined(rule, values, metric):
            workloads = run.task.manifest.workloads.glance
            return _decided(draft, judge.glanced_out(values, metric, workloads), evidence)
        if role == "dev" and judge.hopeless(rule, values):
            return _decided(draft, judge.screened_out(values, metric), evidence)
    return replace(draft, gains=values, evidence=evidence)


def _propose(run: Run, number: int, parent: Node, tree: Tree, rng: Random) -> Draft:
    """The first proposal that is new in form and in behaviour, or the last that was not."""
    forms = {node.canonical: node.id for node in tree}
    habits = {node.behaviour: node.id for node in tree if node.behaviour}
    sound = tree.validated()
    last, why = parent.candidate, "nothing was offered"
    for discarded in range(ATTEMPTS):
        try:
            last = run.agent.propose(run.task, parent, sound, rng)
        except ProposalError as error:
            why = str(error)
            continue
        form = canonical(last.files)
        if run.config.novelty and form in forms:
            why = f"the same program as {forms[form]}"
            continue
        draft = Draft(number, parent, last, form, discarded=discarded)
        findings = audit(last.files, run.task)
        draft = replace(draft, flags=findings.flags)
        if findings.refused:
            verdict = Verdict(standing="invalid", reason="; ".join(findings.refused[:3]))
            return _decided(draft, verdict, log="\n".join(findings.refused))
        habit, failure, log = behaviour(run, last)
        if habit is None:
            return _decided(draft, Verdict(standing="invalid", reason=failure), log=log)
        if run.config.novelty and habit in habits:
            why = f"behaves exactly like {habits[habit]}"
            continue
        return replace(draft, behaviour=habit)
    reason = f"nothing new in {ATTEMPTS} attempts: {why}"
    draft = Draft(number, parent, last, canonical(last.files), discarded=ATTEMPTS - 1)
    return _decided(draft, Verdict(standing="no gain", reason=reason))


def _decided(
    draft: Draft, verdict: Verdict, evidence: tuple[Evidence, ...] = (), log: str = ""
) -> Draft:
    return replace(draft, verdict=verdict, evidence=evidence, log=log)


def settle(run: Run, pool: ThreadPoolExecutor, draft: Draft, tree: Tree) -> Node:
    """Confirm a draft that deserves it, and make the node."""
    verdict, evidence = draft.verdict, draft.evidence
    score = gain = None
    if verdict is None:
        history = [n.verdict.screen_t for n in tree if n.verdict and n.verdict.screen_t is not None]
        t = judge.t_statistic(draft.gains)
        if judge.promising(run.config.rule, t, history):
            verdict, confirmed_on = _confirm(run, pool, draft, tree, t)
            evidence += confirmed_on
        else:
            verdict = judge.screened_out(draft.gains, run.task.metric)
    if verdict.standing == "confirmed":
        verdict, score, gain = _rank(run, draft, verdict, tree)
        common = Evidence(stream=COMMON, count=run.config.rule.estimate, versus=draft.parent.number)
        evidence += (common,)
    return Node(
        run=run.id,
        number=draft.number,
        parent=draft.parent.number,
        kind="candidate",
        name=draft.candidate.proposer,
        candidate=draft.candidate,
        canonical=draft.canonical,
        behaviour=draft.behaviour,
        evidence=evidence,
        verdict=verdict.model_copy(update={"flags": draft.flags}),
        score=score,
        gain=gain,
        environment=run.lab.environment,
        isolation=run.lab.sandbox.isolation,
        discarded=draft.discarded,
        evaluations=sum(each.count for each in evidence),
        cpu_seconds=_cost(run, draft.candidate, evidence),
        log=draft.log,
    )


def _confirm(
    run: Run, pool: ThreadPoolExecutor, draft: Draft, tree: Tree, screen_t: float
) -> tuple[Verdict, tuple[Evidence, ...]]:
    """Pair child and parent on fresh seeds, block by block, until the rule has decided."""
    rule, metric = run.config.rule, run.task.metric
    earlier = sum(node.verdict is not None and node.verdict.pairs > 0 for node in tree)
    threshold = judge.log_threshold(rule, earlier + 1, len(tree.confirmed()))
    stream = f"confirm/{draft.number}"
    standing: Literal["confirmed", "refuted", "continue"] = "continue"
    count = 0
    while standing == "continue":
        count = min(count + rule.block, rule.most)
        seeds = draw(run.config.keys, stream, count)
        pair = [
            pool.submit(run.lab.evaluate, candidate, stream, seeds)
            for candidate in (draft.candidate, draft.parent.candidate)
        ]
        values = judge.gains(pair[0].result(), pair[1].result(), metric)
        standing, log_e = judge.decide(rule, values, metric, threshold)
    verdict = judge.confirmed_or_refuted(standing, values, metric, screen_t, log_e, threshold)
    return verdict, (Evidence(stream=stream, count=count, versus=draft.parent.number),)


def _rank(run: Run, draft: Draft, verdict: Verdict, tree: Tree) -> tuple[Verdict, float, float]:
    """Estimate a confirmed gain on common seeds, which had no part in confirming it."""
    metric = run.task.metric
    seeds = draw(run.config.keys, COMMON, run.config.rule.estimate)
    child, parent, start = (
        run.lab.evaluate(candidate, COMMON, seeds)
        for candidate in (draft.candidate, draft.parent.candidate, tree[0].candidate)
    )
    over_parent = judge.estimate(judge.gains(child, parent, metric))
    gain = fmean(judge.gains(child, start, metric))
    score = fmean(child.values(metric.worst))
    return verdict.model_copy(update={"estimate": over_parent}), score, gain


def _cost(run: Run, candidate: Candidate, evidence: Sequence[Evidence]) -> float:
    return sum(
        trial.seconds
        for each in evidence
        for trial in run.lab.evaluate(
            candidate, each.stream, draw(run.config.keys, each.stream, each.count), each.role
        ).trials
    )
