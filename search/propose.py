"""Get from the agent a candidate that is new, allowed and alive, before anything is spent on it.

Every program passes the door. An error of the agent is a proposal that failed. An error that is not
the agent's, such as a dead model server or a full disk, is raised.
"""

from dataclasses import dataclass
from random import Random

from ..agents.base import Agent, Brief, ProposalError
from ..archive import Node, Tree
from ..evals import Admission, Candidate, admit
from ..evals.canonical import canonical
from .desk.consent import Rejected
from .faults import ask, message
from .planted import simpler
from .run import Run, behaviour


@dataclass(frozen=True)
class Proposal:
    """A candidate, and what was found out before it was measured.

    `refused` is why it may not be measured. `empty` is why there is nothing new to measure. With
    `fault` the agent is to blame: it raised an error, or offered something else than a candidate.
    """

    candidate: Candidate
    canonical: str
    behaviour: str | None = None
    discarded: int = 0
    flags: tuple[str, ...] = ()
    refused: str = ""
    empty: str = ""
    log: str = ""
    fault: bool = False


def propose(
    run: Run, turn: int, parent: Node, tree: Tree, rng: Random, once: Agent | None = None
) -> Proposal:
    """The agent's first proposal that is new in form and in behaviour, or its last one.

    A program that behaves as another one of the tree is new if it has less code. An agent that is
    asked in place of the run's is asked `once`.
    """
    agent, attempts = (once, 1) if once else (run.agent.agent, run.agent.attempts)
    forms, by_behaviour = tree.forms, tree.behaviours
    sound = tree.validated()
    last, why = _nothing(run, parent), "nothing was offered"
    for discarded in range(attempts):
        thread = f"{run.id}/{turn}.{discarded}"
        desk, learned = run.desk(thread, sound), run.config.learned
        brief = Brief(run.task, parent, sound, rng, desk, learned)
        try:
            offer = ask(agent, brief)
            if isinstance(offer, str):
                return failed(run, parent, offer, discarded)
            base = _chosen(offer, parent, sound)
        except ProposalError as error:
            why = message(error)
            continue
        entry = admit(offer.files, run.task)
        if entry.barred:
            return _barred(run, parent, offer, discarded, entry)
        last = offer
        if run.config.novelty and entry.canonical in forms:
            why = f"the same program as node {forms[entry.canonical]}"
            continue
        if entry.refused:
            return _refused(last, discarded, entry)
        try:
            approved = run.approver.candidate(thread, base, last, entry.flags)
        except Rejected as error:
            form, flags = entry.canonical, entry.flags
            return Proposal(last, form, None, discarded, flags, str(error))
        if approved is not last:
            entry = admit(approved.files, run.task)
            if entry.barred:
                return _barred(run, parent, approved, discarded, entry)
            last = approved
            if entry.refused:
                return _refused(last, discarded, entry)
        probed = behaviour(run, last)
        if probed.fingerprint is None:
            form, flags = entry.canonical, entry.flags
            return Proposal(last, form, None, discarded, flags, probed.failure, log=probed.log)
        twin = by_behaviour.get(probed.fingerprint)
        if run.config.novelty and twin and not simpler(entry.size, twin):
            why = f"behaves exactly like node {twin.number}"
            continue
        return Proposal(last, entry.canonical, probed.fingerprint, discarded, entry.flags)
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    empty = f"nothing new in {times}: {why}"
    return Proposal(last, canonical(last.files), discarded=attempts - 1, empty=empty)


def failed(run: Run, parent: Node, why: str, discarded: int = 0) -> Proposal:
    """The proposal of an agent, or of a policy, that failed for the reason `why`."""
    nothing = _nothing(run, parent)
    form = canonical(nothing.files)
    return Proposal(nothing, form, discarded=discarded, empty=why, fault=True)


def _chosen(candidate: Candidate, parent: Node, tree: Tree) -> Node:
    """The node that a candidate is a child of; raises ProposalError if that may not be."""
    if candidate.parent is None or candidate.parent == parent.number:
        return parent
    for node in tree.eligible():
        if node.number == candidate.parent:
            return node
    raise ProposalError(f"it builds on node {candidate.parent}, which may not be built on")


def _refused(candidate: Candidate, discarded: int, entry: Admission) -> Proposal:
    """A proposal that the door does not let run."""
    reasons, log = "; ".join(entry.refused[:3]), "\n".join(entry.refused)
    return Proposal(candidate, entry.canonical, None, discarded, entry.flags, reasons, log=log)


def _barred(run: Run, parent: Node, offer: Candidate, discarded: int, entry: Admission) -> Proposal:
    """A proposal whose files cannot even be kept: the parent's stand in for them."""
    nothing = _nothing(run, parent)
    nothing = nothing.model_copy(update={"idea": offer.idea, "proposer": offer.proposer})
    return Proposal(
        nothing, canonical(nothing.files), None, discarded, refused="; ".join(entry.refused)
    )


def _nothing(run: Run, parent: Node) -> Candidate:
    """A candidate for a proposal that was not made: the parent's program, without its notes."""
    name = run.agent.name
    return Candidate(files=parent.candidate.files, idea="nothing was offered", proposer=name)
