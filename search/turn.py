"""One turn of the ratchet: explore it in a thread, then finish it in the order of turns.

A turn makes a child, gives a promising child more seeds or fresh ones, or ranks a leader again.
Every turn ends in one state of one node.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Literal

from ..agents.base import AgentError
from ..archive import Child, Evidence, Node, Tree
from ..evals import Standing, Verdict, judge
from ..evals.syntax import size
from . import company, further, tune
from .confirm import confirm, rank
from .desk.consent import Rejected
from .faults import raised
from .planted import says
from .propose import Proposal, failed, propose
from .run import Run
from .schedule import Action, retested
from .screen import Draft, against, gains, judged, measured, merged, screen, screens, seeds_screened

NO_LONGER = "less code; that it loses nothing can no longer be shown in this run"


def explore(run: Run, turn: int, number: int, action: Action, tree: Tree) -> Draft:
    """Do the part of a turn that does not depend on turns before it which are not finished yet.

    `number` is that of the node that this turn would make.
    """
    if action.node is None:
        return _expand(run, turn, number, tree)
    # Where a run goes on elsewhere, all evidence of the node is measured there.
    here = {"environment": run.lab.environment, "isolation": run.lab.isolation}
    node = tree[action.node].model_copy(update={"turn": turn, **here})
    if action.kind == "advance" and seeds_screened(run, node) < run.config.rule.screen:
        return screen(run, node, tree, [run.config.rule.screen], action)
    if action.kind == "advance":
        node = further.look(run, node, tree.child(node).parent)
    return Draft(action, node)


def _expand(run: Run, turn: int, number: int, tree: Tree) -> Draft:
    """Select, propose something new, and screen it against its parent."""
    rng = Random(f"{run.config.key}/{turn}")
    tuner = tune.due(run, turn, number, tree)
    parent, why = (tuner.parent, "") if tuner else _selected(run, tree, rng)
    proposal = failed(run, parent, why) if why else _proposed(run, turn, parent, tree, rng, tuner)
    node = _node(run, turn, number, parent, proposal)
    node = node.model_copy(update={"tuning": tuner.record}) if tuner else node
    if node.standing != "promising":
        return Draft(Action("expand"), node, fault=proposal.empty if proposal.fault else "")
    rule = run.config.rule
    counts = [rule.first_look, *([rule.screen] if run.config.schedule == "fixed" else [])]
    return screen(run, node, tree, counts, Action("expand"))


def _selected(run: Run, tree: Tree, rng: Random) -> tuple[Node, str]:
    """The node to build on, or the start and what the selection policy raised."""
    try:
        parent = run.select(tree, rng)
    except (AgentError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a policy may be a user's own, as an agent may
        return tree[0], raised("the selection policy", error)
    if not isinstance(parent, Node):
        return tree[0], f"the selection policy chose {type(parent).__name__}, not a node"
    if not parent.eligible:
        raise AgentError(f"the selection policy chose node {parent.id}, which may not be built on")
    return parent, ""


def _proposed(
    run: Run, turn: int, parent: Node, tree: Tree, rng: Random, tuner: tune.Tuner | None
) -> Proposal:
    """Ask for a proposal, if there is time; neither tuning nor a person's thinking counts as it.

    Raises BudgetSpent if there is not.
    """
    with run.budget.reserve(seconds=run.pace.offer()):
        pass
    began = time.monotonic()
    proposal = propose(run, turn, parent, tree, rng, tuner)
    if not run.approver.first and tuner is None:
        run.pace.offered(time.monotonic() - began)
    return proposal


def _node(run: Run, turn: int, number: int, parent: Node, proposal: Proposal) -> Node:
    """The node before anything was measured, a child of the parent that the agent built on."""
    own = proposal.candidate.parent
    standing: Standing = "invalid" if proposal.refused else "no gain"
    verdict = Verdict(
        standing=standing if proposal.refused or proposal.empty else "promising",
        reason=proposal.refused or proposal.empty,
        flags=proposal.flags,
    )
    return Node(
        run=run.id,
        number=number,
        turn=turn,
        parent=parent.number if own is None else own,
        kind="candidate",
        name=proposal.candidate.proposer,
        candidate=proposal.candidate,
        canonical=proposal.canonical,
        behaviour=proposal.behaviour,
        verdict=verdict,
        level=run.task.level,
        size=size(proposal.candidate.files),
        environment=run.lab.environment,
        isolation=run.lab.isolation,
        discarded=proposal.discarded,
        log=proposal.log,
    )


def finish(run: Run, pool: ThreadPoolExecutor, draft: Draft, tree: Tree) -> Node:
    """Finish a turn, knowing every turn before it: confirm what deserves it now."""
    node, rule = draft.node, run.config.rule
    if twin := _twin(run, draft, tree):
        same = f"the same program as node {twin.number}, which was on its way"
        verdict = Verdict(standing="no gain", reason=same)
        # Its trials are the twin's, which has paid for them.
        node = judged(node.model_copy(update={"evidence": ()}), verdict)
    elif draft.action.kind == "retest":
        node = rank(run, pool, node, tree, node.common_seeds + retested(rule))
    elif node.standing != "promising":
        pass  # the screen has decided
    elif draft.values is None:
        node = _promote(run, pool, node, tree)
    elif seeds_screened(run, node) >= rule.screen:
        child = tree.child(node)
        claim = _claimed(run, child, tree)
        fixed = run.config.schedule == "fixed"
        history = _history(tree) if fixed else []
        enough = claim == "simpler" or judge.promising(rule, child.screen.t, history)
        if not enough:
            own = measured(run, node.candidate, screens(run, node), seeds_screened(run, node))
            out = judge.screened_out(rule, draft.values, run.task.metric)
            node = judged(node, judge.counted(out, own))
        elif fixed:
            node = _promote(run, pool, node, tree)
    return _costed(run, node)


def _history(tree: Tree) -> list[float]:
    """The t of every screen so far."""
    return [node.verdict.screen.t for node in tree if node.verdict and node.verdict.screen]


def _twin(run: Run, draft: Draft, tree: Tree) -> Node | None:
    """The node with the same program that a turn on its way has added meanwhile, if any."""
    if draft.action.kind != "expand" or not run.config.novelty or not draft.node.evidence:
        return None
    form = draft.node.canonical
    if form not in tree.forms:
        return None
    return next(node for node in tree if node.canonical == form)


def _promote(run: Run, pool: ThreadPoolExecutor, node: Node, tree: Tree) -> Node:
    """Confirm a child on fresh seeds; under `explore`, let it race on search seeds."""
    child, metric = tree.child(node), run.task.metric
    claim = _claimed(run, child, tree)
    if claim == "better" and child.screen.t < run.config.rule.promote_t:
        verdict = {"standing": "no gain", "reason": NO_LONGER}
        return judged(node, child.verdict.model_copy(update=verdict))
    node, margin = further.look(run, node, child.parent), run.config.rule.margin(metric, claim)
    if reason := further.lost(run, node, child.parent, child.screen, margin):
        verdict = {"standing": "no gain", "reason": reason}
        return judged(node, child.verdict.model_copy(update=verdict))
    try:
        run.approver.confirmation(node, child.parent)
    except Rejected as error:
        verdict = {"standing": "no gain", "reason": str(error)}
        return judged(node, child.verdict.model_copy(update=verdict))
    if run.config.rule.standard == "claim":
        return confirm(run, pool, node, tree, claim)
    return _race(run, pool, tree.child(node), tree)


def _race(run: Run, pool: ThreadPoolExecutor, child: Child, tree: Tree) -> Node:
    """Compare a child with its parent on more search seeds, and rank it if it wins."""
    node, parent = child.node, child.parent
    rule, metric = run.config.rule, run.task.metric
    stream = screens(run, node)
    own = measured(run, node.candidate, stream, rule.race)
    rival = measured(run, parent.candidate, against(run, stream) or stream, rule.race)
    values = gains(run, own, rival)
    evidence = Evidence(
        stream=stream, count=rule.race, versus=parent.number, against=against(run, stream)
    )
    node = node.model_copy(update={"evidence": merged(node.evidence, evidence)})
    if not judge.race(rule, values):
        return judged(node, judge.counted(judge.screened_out(rule, values, metric), own))
    if reason := company.claimed(run, pool, node, stream, rule.race):
        return judged(node, Verdict(standing="invalid", reason=reason))
    won = judge.counted(judge.raced(rule, values, metric), own)
    won = won.model_copy(update={"company_checked": run.config.company})
    return rank(run, pool, judged(node, won), tree)


def _claimed(run: Run, child: Child, tree: Tree) -> Literal["better", "simpler"]:
    """What a screened child may claim over its parent."""
    rule, metric = run.config.rule, run.task.metric
    return says(rule, metric, tree, child.parent, child.node.size, child.screen)


def _costed(run: Run, node: Node) -> Node:
    """The node with its cost: its own trials, and those of its rivals for its claims alone."""
    own = sum(evidence.count for evidence in node.seeds_run)
    fresh = sum(claim.pairs for claim in node.verdict.claims) if node.verdict else 0
    seconds = sum(
        trial.seconds
        for e in node.seeds_run
        for trial in measured(run, node.candidate, e.stream, e.count, e.split).trials
    )
    if node.tuning:
        own, seconds = own + node.tuning.trials, seconds + node.tuning.seconds
    return node.model_copy(update={"trials": own + fresh, "cpu_seconds": seconds})
