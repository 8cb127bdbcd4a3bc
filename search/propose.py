"""Get from the agent a candidate that is new, allowed and alive, before anything is spent on it.

Every program passes the door, and whatever an agent raises is a proposal that failed. What is no
agent's fault, such as a dead model server or a full disk, goes on to whoever runs the search.
"""

from dataclasses import dataclass
from random import Random

from ..agents.base import Brief, ProposalError
from ..archive import Node, Tree
from ..evals import Admission, Candidate, admit
from ..evals.canonical import canonical
from .desk.consent import Rejected
from .faults import asked, said
from .run import Run, behaviour
from .schedule import simpler


@dataclass(frozen=True)
class Proposal:
    """What the agent offered. `refused` says why it may not be measured, `empty` that it is old.

    A `fault` is the agent's: it raised what it may not, or offered what is no candidate.
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


def propose(run: Run, turn: int, parent: Node, tree: Tree, rng: Random) -> Proposal:
    """The first proposal that is new in form and in behaviour, or the last that was not.

    One that behaves as a known program does is new if it says the same with less code.
    """
    attempts = run.agent.attempts
    forms = {node.canonical: node.number for node in tree}
    habits: dict[str, Node] = {}
    for node in sorted((n for n in tree if n.behaviour), key=lambda n: -n.size):
        habits[str(node.behaviour)] = node
    sound = tree.validated()
    last, why = _nothing(run, parent), "nothing was offered"
    for discarded in range(attempts):
        thread = f"{run.id}/{turn}.{discarded}"
        brief = Brief(run.task, parent, sound, rng, run.desk(thread, sound))
        try:
            offer = asked(run.agent.agent, brief)
            if isinstance(offer, str):
                return failed(run, parent, offer, discarded)
            base = _chosen(offer, parent, sound)
        except ProposalError as error:
            why = said(error)
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
            wanted = run.approver.candidate(thread, base, last, entry.flags)
        except Rejected as error:
            form, flags = entry.canonical, entry.flags
            return Proposal(last, form, None, discarded, flags, str(error))
        if wanted is not last:
            entry = admit(wanted.files, run.task)
            if entry.barred:
                return _barred(run, parent, wanted, discarded, entry)
            last = wanted
            if entry.refused:
                return _refused(last, discarded, entry)
        probed = behaviour(run, last)
        if probed.fingerprint is None:
            form, flags = entry.canonical, entry.flags
            return Proposal(last, form, None, discarded, flags, probed.failure, log=probed.log)
        like = habits.get(probed.fingerprint)
        if run.config.novelty and like and not simpler(entry.size, like):
            why = f"behaves exactly like node {like.number}"
            continue
        return Proposal(last, entry.canonical, probed.fingerprint, discarded, entry.flags)
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    empty = f"nothing new in {times}: {why}"
    return Proposal(last, canonical(last.files), discarded=attempts - 1, empty=empty)


def failed(run: Run, parent: Node, why: str, discarded: int = 0) -> Proposal:
    """What stands for a proposal that never came to be, because of whoever should have made it."""
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
    words, log = "; ".join(entry.refused[:3]), "\n".join(entry.refused)
    return Proposal(candidate, entry.canonical, None, discarded, entry.flags, words, log=log)


def _barred(run: Run, parent: Node, offer: Candidate, discarded: int, entry: Admission) -> Proposal:
    """A proposal whose files cannot even be kept: the parent's stand in for them."""
    nothing = _nothing(run, parent)
    nothing = nothing.model_copy(update={"idea": offer.idea, "proposer": offer.proposer})
    return Proposal(
        nothing, canonical(nothing.files), None, discarded, refused="; ".join(entry.refused)
    )


def _nothing(run: Run, parent: Node) -> Candidate:
    """What stands in for a proposal that was not made: the parent's program, without its notes."""
    name = run.agent.name
    return Candidate(files=parent.candidate.files, idea="nothing was offered", proposer=name)
