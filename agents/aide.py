"""AIDE (Jiang et al. 2025): drafts, then debugs or improves the best, one model call each.

As published, with what its code got wrong mended: the score is measured, and not read by a model
from what the program prints; gains come with intervals; whatever was asked is kept over a kill.

What differs: the policy `aide` chooses the node, and only broken children of that node are
debugged, where AIDE debugs any broken leaf of its tree. A repaired program is the chosen node's
child too, and its note `debugs` names the one it mends. A program that breaks is offered all the
same, for AIDE keeps buggy nodes in its tree and debugs them later: the audit and smoke run of the
turn find that out, at no evaluation, and a try-out before them would only do so twice.
"""

from collections.abc import Mapping

from ..archive import Node, Tree
from ..evals import Candidate
from ..evals.canonical import canonical
from ..sandbox.text import line, quoted
from .base import Brief, ProposalError
from .research.asking import messages, occasion
from .research.facts import outcome, rejected
from .research.forms import File, Form
from .research.patch import PatchError, apply
from .research.programs import broken, editable, failure, known, rewrites, void
from .research.prompts import fill
from .research.recall import Entry, core_words, program, said, table

DRAFTS = 5  # children that the planted programs get before the best node is built on
DEBUG = 0.5  # probability of debugging, if a child of the parent is broken
DEPTH = 3  # most repairs in a row, one of the other
SUMMARY = 12_000  # characters of the summary of earlier designs
IDEA = 400  # characters of a plan that become the node's idea
DEBUGS = "debugs"  # name of the note that holds the number of the mended node


class Program(Form):
    """A plan in words, and the files that it changes."""

    plan: str
    files: tuple[File, ...]


def create() -> "Aide":
    """Open the agent."""
    return Aide()


class Aide:
    """One model call per proposal. The agent keeps no state between proposals."""

    select = "aide"
    attempts = 2
    needs_model = True
    requests = 1

    def propose(self, brief: Brief) -> Candidate:
        """Offer a draft, a repair or an improvement; raises ProposalError for what is not new."""
        if drafting(brief):
            return _draft(brief)
        debugged = debuggable(brief)
        if brief.rng.random() < DEBUG and debugged:
            return _debug(brief, brief.rng.choice(debugged))
        return _improve(brief)


def drafting(brief: Brief) -> bool:
    """Whether a draft is due, as the policy `aide` counts them."""
    planted = brief.tree.planted()
    drafts = sum(len(brief.tree.children(node)) for node in planted)
    return brief.parent.verdict is None and drafts < DRAFTS


def debuggable(brief: Brief) -> list[Node]:
    """Broken children of the parent that nobody tried to mend, within the depth."""
    nodes = {node.number: node for node in brief.tree}
    mended = {mends(node) for node in brief.tree}
    return [
        node
        for node in brief.tree.children(brief.parent)
        if broken(node) and node.number not in mended and debug_depth(node, nodes) <= DEPTH
    ]


def debug_depth(node: Node, nodes: Mapping[int, Node]) -> int:
    """How many repairs in a row led to a node."""
    depth = 0
    while (number := mends(node)) is not None:
        depth += 1
        if number not in nodes or number >= node.number:
            return depth
        node = nodes[number]
    return depth


def mends(node: Node) -> int | None:
    """The number of the node that a repair mends; None for what is no repair."""
    number = node.candidate.notes.get(DEBUGS, "")
    return int(number) if number.isdecimal() else None


def _draft(brief: Brief) -> Candidate:
    nodes = [node for root in brief.tree.planted() for node in brief.tree.children(root)]
    drafts = [node for node in nodes if not void(node) and not rejected(node)]
    text = fill(
        "aide_draft",
        drafts=_summary(brief, "Drafts so far", drafts),
        occasion=occasion(brief),
        files=editable(brief),
    )
    return _offer(brief, "draft", text, brief.parent)


def _improve(brief: Brief) -> Candidate:
    text = fill(
        "aide_improve",
        designs=_summary(brief, "Designs that ran so far", good(brief.tree)),
        occasion=occasion(brief),
        files=editable(brief),
    )
    return _offer(brief, "improve", text, brief.parent)


def _debug(brief: Brief, node: Node) -> Candidate:
    text = fill(
        "aide_debug",
        idea=quoted(node.candidate.idea),
        program=program(node.candidate.files),
        failure=failure(node),
        files=editable(brief),
    )
    return _offer(brief, "debug", text, node)


def good(tree: Tree) -> list[Node]:
    """Proposals with a measured gain."""
    return [n for n in tree if n.verdict and (n.verdict.screen or n.verdict.estimate)]


def _summary(brief: Brief, title: str, nodes: list[Node]) -> str:
    """Measured gains with intervals, and the plans behind them, newest first."""
    metric = brief.task.metric
    entries = (Entry(outcome(node, metric), said(node)) for node in reversed(nodes))
    return table(f"{title}, newest first", entries, SUMMARY)


def _offer(brief: Brief, operator: str, text: str, base: Node) -> Candidate:
    """Ask once, and make the candidate from the program of `base`."""
    role = "repair" if operator == "debug" else "write"
    question = messages(core_words(brief), text)
    reply = brief.desk.ask(operator, role, question, Program)
    try:
        files = apply(base.candidate.files, rewrites(reply.files))
    except PatchError as error:
        raise ProposalError(f"{operator}: {error}") from error
    number = known(brief.tree).get(canonical(files))
    if number is not None:
        raise ProposalError(f"{operator}: the program is the same as that of node {number}")
    notes = {"operator": operator, "hypothesis": reply.plan, "model": brief.desk.model(role)}
    mended = f"mend node {base.number}: " if operator == "debug" else ""
    if operator == "debug":
        notes[DEBUGS] = str(base.number)
    return Candidate(
        files=files, idea=f"{mended}{line(reply.plan, IDEA)}", proposer="aide", notes=notes
    )
