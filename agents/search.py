"""The search: select, propose, measure, judge, add; again until the budget is gone.

Turn n sees the tree as it stood `lag` nodes earlier and draws from its own generator, whatever the
threads are doing; turns are settled in order. So a run that was killed and resumed, on any number
of workers, grows the same tree as one that was not.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from pydantic import Field

from ..archive import Archive, Evidence, Node, Tree
from ..evals import Candidate, Evaluation, Role, Verdict, audit, draw, judge, probe
from ..tasks import Frozen, Task
from .base import Agent, ProposalError
from .evolve.canonical import canonical
from .lab import Lab
from .select import Select

ATTEMPTS = 8
COMMON = "search/common"
LOG_BYTES = 2000


class Config(Frozen):
    """Everything that can differ between two runs of a task; stored with the run."""

    task: str
    agent: str = "evolver"
    select: str = "dgm"
    sandbox: str = "auto"
    seed: int | None = None
    key: str
    lag: int = Field(default=3, ge=0)
    turns: int | None = Field(default=None, ge=1)
    novelty: bool = True
    rule: judge.Rule = judge.Rule()


@dataclass(frozen=True)
class Run:
    """The parts of one search."""

    id: str
    config: Config
    agent: Agent
    select: Select
    lab: Lab
    archive: Archive
    workers: int = 2

    @property
    def task(self) -> Task:
        """What is being improved."""
        return self.lab.task


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
    log: str = ""


def search(run: Run, more: Callable[[Tree], bool]) -> Iterator[Node]:
    """Yield each new node, planted ones first, for as long as `more` allows another turn.

    Over a half-grown run it goes on where that stopped. Raises SandboxError, TaskError and
    ArchiveError for what is not a candidate's fault; everything finished by then is archived.
    """
    pool = ThreadPoolExecutor(run.workers, "ratchet-turn")
    try:
        yield from _plant(run, pool)
        yield from _grow(run, pool, more)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _planted(run: Run) -> list[tuple[str, str, Candidate]]:
    """Kind, name and candidate of the start and the baselines."""
    start = Candidate(files=run.task.start, idea="the starting program", proposer="task")
    return [
        ("start", "start", start),
        *(
            ("baseline", name, Candidate(files=files, idea=f"baseline {name}", proposer="task"))
            for name, files in run.task.baselines.items()
        ),
    ]


def _plant(run: Run, pool: ThreadPoolExecutor) -> Iterator[Node]:
    seeds = draw(run.config.key, COMMON, run.config.rule.estimate)
    done = len(run.archive.tree(run.id))
    planted = _planted(run)
    futures = [pool.submit(run.lab.evaluate, each[2], COMMON, seeds) for each in planted]
    start: Evaluation | None = None
    for number, ((kind, name, candidate), future) in enumerate(zip(planted, futures, strict=True)):
        evaluation = future.result()
        start = start or evaluation
        if number < done:
            continue
        gains = judge.gains(evaluation, start, run.task.metric)
        yield run.archive.add(
            Node(
                run=run.id,
                number=number,
                parent=None,
                kind="start" if kind == "start" else "baseline",
                name=name,
                candidate=candidate,
                canonical=canonical(candidate.files),
                behaviour=_behaviour(run, candidate)[0],
                evidence=(Evidence(stream=COMMON, count=len(seeds)),),
                verdict=None,
                score=_mean(evaluation.values(run.task.metric.worst)),
                gain=_mean(gains),
                environment=run.lab.environment,
                evaluations=len(seeds),
                cpu_seconds=sum(trial.seconds for trial in evaluation.trials),
            )
        )


def _grow(run: Run, pool: ThreadPoolExecutor, more: Callable[[Tree], bool]) -> Iterator[Node]:
    nodes = list(run.archive.tree(run.id))
    planted = len(Tree(nodes).planted())
    ahead: dict[int, Future[Draft]] = {}
    while True:
        number = len(nodes)
        while len(ahead) <= run.config.lag and more(Tree(nodes)) and not _all(run, nodes, ahead):
            turn = number + len(ahead)
            seen = Tree(nodes[: max(planted, turn - run.config.lag)])
            ahead[turn] = pool.submit(_explore, run, turn, seen)
        if number not in ahead:
            return
        draft = ahead.pop(number).result()
        node = _settle(run, pool, draft, Tree(nodes))
        nodes.append(run.archive.add(node))
        yield node


def _all(run: Run, nodes: Sequence[Node], ahead: dict[int, Future[Draft]]) -> bool:
    made = sum(node.verdict is not None for node in nodes) + len(ahead)
    return run.config.turns is not None and made >= run.config.turns


def _explore(run: Run, number: int, tree: Tree) -> Draft:
    """Select, propose something new, audit it, and screen it against its parent."""
    rng = Random(f"{run.config.key}/{number}")
    parent = run.select(tree, rng)
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
        seeds = draw(run.config.key, stream, count)
        evidence = (Evidence(stream=stream, count=count, versus=parent.number, role=role),)
        child = run.lab.evaluate(draft.candidate, stream, seeds, role)
        if child.failures == count:
            log = run.lab.logs.get(draft.candidate.digest, "")
            reason = f"all {count} seeds ended with {child.trials[0].status}"
            return _decided(draft, Verdict(standing="invalid", reason=reason), evidence, log)
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
    last, why = parent.candidate, "nothing was offered"
    for discarded in range(ATTEMPTS):
        try:
            last = run.agent.propose(run.task, parent, tree, rng)
        except ProposalError as error:
            why = str(error)
            continue
        form = canonical(last.files)
        if run.config.novelty and form in forms:
            why = f"the same program as {forms[form]}"
            continue
        draft = Draft(number, parent, last, form, discarded=discarded)
        if findings := audit(last.files):
            verdict = Verdict(standing="invalid", reason="; ".join(findings[:3]), flags=findings)
            return _decided(draft, verdict)
        behaviour, failure, log = _behaviour(run, last)
        if behaviour is None:
            return _decided(draft, Verdict(standing="invalid", reason=failure), log=log)
        if run.config.novelty and behaviour in habits:
            why = f"behaves exactly like {habits[behaviour]}"
            continue
        return replace(draft, behaviour=behaviour)
    reason = f"nothing new in {ATTEMPTS} attempts: {why}"
    draft = Draft(number, parent, last, canonical(last.files), discarded=ATTEMPTS - 1)
    return _decided(draft, Verdict(standing="no gain", reason=reason))


def _behaviour(run: Run, candidate: Candidate) -> tuple[str | None, str, str]:
    """Fingerprint of what a candidate does on tiny tensors, or why it does nothing, and its log."""
    result = probe(candidate, run.task, run.lab.sandbox)
    if result.status != "ok":
        last = result.log.strip().splitlines()[-1:] or [result.status]
        return None, f"{result.status} in the smoke test: {last[0][:200]}", result.log
    return hashlib.sha256(result.reply).hexdigest()[:16], "", ""


def _decided(
    draft: Draft, verdict: Verdict, evidence: tuple[Evidence, ...] = (), log: str = ""
) -> Draft:
    return replace(draft, verdict=verdict, evidence=evidence, log=log)


def _settle(run: Run, pool: ThreadPoolExecutor, draft: Draft, tree: Tree) -> Node:
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
        verdict=verdict,
        score=score,
        gain=gain,
        environment=run.lab.environment,
        discarded=draft.discarded,
        evaluations=sum(each.count for each in evidence),
        cpu_seconds=_cost(run, draft.candidate, evidence),
        log=draft.log[-LOG_BYTES:],
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
        seeds = draw(run.config.key, stream, count)
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
    seeds = draw(run.config.key, COMMON, run.config.rule.estimate)
    child, parent, start = (
        run.lab.evaluate(candidate, COMMON, seeds)
        for candidate in (draft.candidate, draft.parent.candidate, tree[0].candidate)
    )
    over_parent = judge.estimate(judge.gains(child, parent, metric))
    gain = _mean(judge.gains(child, start, metric))
    score = _mean(child.values(metric.worst))
    return verdict.model_copy(update={"estimate": over_parent}), score, gain


def _cost(run: Run, candidate: Candidate, evidence: Sequence[Evidence]) -> float:
    return sum(
        trial.seconds
        for each in evidence
        for trial in run.lab.evaluate(
            candidate, each.stream, draw(run.config.key, each.stream, each.count), each.role
        ).trials
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def within(minutes: float | None) -> Callable[[Tree], bool]:
    """A budget of wall time for `search`: no new turn starts after it."""
    end = time.monotonic() + minutes * 60 if minutes is not None else None
    return lambda tree: end is None or time.monotonic() < end
