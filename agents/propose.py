"""Get from the agent a candidate that is new, allowed and alive, before anything is spent on it."""

from dataclasses import dataclass
from random import Random

from ..archive import Node, Tree
from ..evals import Candidate, Findings, audit
from ..evals.canonical import canonical
from ..evals.syntax import size
from .approve import Rejected
from .base import Brief, ProposalError
from .run import Run, behaviour
from .schedule import simpler

ATTEMPTS = 8  # how often a turn asks an agent that does not say otherwise


@dataclass(frozen=True)
class Proposal:
    """What the agent offered. `refused` says why it may not be measured, `empty` that it is old."""

    candidate: Candidate
    canonical: str
    behaviour: str | None = None
    discarded: int = 0
    flags: tuple[str, ...] = ()
    refused: str = ""
    empty: str = ""
    log: str = ""


def propose(run: Run, turn: int, parent: Node, tree: Tree, rng: Random) -> Proposal:
    """The first proposal that is new in form and in behaviour, or the last that was not.

    One that behaves as a known program does is new if it says the same with less code.
    """
    attempts = getattr(run.agent, "attempts", ATTEMPTS)
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
            offer = run.agent.propose(brief)
            base = _chosen(offer, parent, sound)
        except ProposalError as error:
            why = str(error)
            continue
        last, form = offer, canonical(offer.files)
        if run.config.novelty and form in forms:
            why = f"the same program as node {forms[form]}"
            continue
        findings = audit(last.files, run.task)
        if findings.refused:
            return _refused(last, form, discarded, findings)
        try:
            wanted = run.approver.candidate(thread, base, last, findings.flags)
        except Rejected as error:
            return Proposal(last, form, None, discarded, findings.flags, str(error))
        if wanted is not last:
            last, form, findings = wanted, canonical(wanted.files), audit(wanted.files, run.task)
            if findings.refused:
                return _refused(last, form, discarded, findings)
        habit, failure, log = behaviour(run, last)
        if habit is None:
            return Proposal(last, form, None, discarded, findings.flags, failure, log=log)
        like = habits.get(habit)
        if run.config.novelty and like and not simpler(size(last.files), like):
            why = f"behaves exactly like node {like.number}"
            continue
        return Proposal(last, form, habit, discarded, findings.flags)
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    empty = f"nothing new in {times}: {why}"
    return Proposal(last, canonical(last.files), discarded=attempts - 1, empty=empty)


def _chosen(candidate: Candidate, parent: Node, tree: Tree) -> Node:
    """The node that a candidate is a child of; raises ProposalError if that may not be."""
    if candidate.parent is None or candidate.parent == parent.number:
        return parent
    for node in tree.eligible():
        if node.number == candidate.parent:
            return node
    raise ProposalError(f"it builds on node {candidate.parent}, which may not be built on")


def _refused(candidate: Candidate, form: str, discarded: int, findings: Findings) -> Proposal:
    """A proposal that the audit does not let run."""
    words, log = "; ".join(findings.refused[:3]), "\n".join(findings.refused)
    return Proposal(candidate, form, None, discarded, findings.flags, words, log=log)


def _nothing(run: Run, parent: Node) -> Candidate:
    """What stands in for a proposal that was not made: the parent's program, without its notes."""
    name = getattr(run.agent, "name", run.config.agent)
    return Candidate(files=parent.candidate.files, idea="nothing was offered", proposer=name)
