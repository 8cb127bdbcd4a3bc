"""Recombination: a model explains what an evolver found, and writes it down as one program."""

import re
from collections.abc import Sequence
from difflib import unified_diff

from ...archive import Node, Tree
from ...evals import Candidate
from ...sandbox.text import line, quoted
from ...tasks import Metric
from ..base import Brief
from .asking import told
from .facts import outcome
from .forms import Form, Idea
from .plan import Plan, Step
from .prompts import fill
from .settings import Settings
from .steps import written
from .variants import BACK, LIMIT
from .work import State, Work

MODE, RECOMBINED = "mode", "recombined"  # notes: how a proposal was made, and of which nodes
MOST = 6  # findings in one recombination
DIFF = 4000  # characters of a node's diff
MECHANISM = 300  # characters of an explanation


class Explanation(Form):
    """What a change does, and whether to keep it."""

    node: int
    mechanism: str
    keep: bool


class Recombination(Idea):
    """What the findings do, and what to make of them together."""

    explanations: tuple[Explanation, ...]


def found(tree: Tree) -> list[Node]:
    """The kept nodes that no model wrote, with a parent to compare them with; the best first."""
    numbers = {node.number for node in tree}
    kept = [
        node
        for node in tree
        if node.kept and node.parent in numbers and not node.candidate.notes.get("model")
    ]
    return sorted(kept, key=lambda node: (-tree.ranking[node.number], node.number))


def seen(tree: Tree) -> set[int]:
    """The numbers of the nodes that a recombination had before it."""
    notes = (node.candidate.notes for node in tree)
    return {int(n) for note in notes for n in re.findall(r"\d+", note.get(RECOMBINED, ""))}


def findings(tree: Tree) -> list[Node]:
    """Findings to recombine: new ones, the best first, then known ones, if there is room."""
    seen_before, all_found = seen(tree), found(tree)
    fresh = [node for node in all_found if node.number not in seen_before]
    return [*fresh, *(node for node in all_found if node.number in seen_before)][:MOST]


def recombined(brief: Brief, settings: Settings) -> Candidate:
    """A program that passed a try-out; raises ProposalError where none did."""
    from .graph import offered  # langgraph takes its time to import

    candidate = offered(PLAN, State, Work.of(brief, settings), LIMIT)
    notes = {heading: text for heading, text in candidate.notes.items() if heading != "diagnosis"}
    notes |= {
        MODE: "recombine",
        RECOMBINED: ", ".join(str(node.number) for node in findings(brief.tree)),
        "explanation": candidate.notes.get("diagnosis", ""),
    }
    return candidate.model_copy(update={"proposer": "hybrid", "notes": notes})


def explain(work: Work, state: State) -> State:
    """Ask what the findings do, and what to make of them."""
    nodes = findings(work.brief.tree)
    text = fill("hybrid_explain", findings=described(work.brief.tree, nodes, _metric(work)))
    asked = work.ask("explain", "explain", text, Recombination, work.history(state))
    idea = Idea.model_validate(asked.model_dump())
    explanations = explained(asked.explanations, [node.number for node in nodes])
    return {"idea": idea.model_dump_json(), "diagnosis": explanations}


def recombine(work: Work, state: State) -> State:
    """Ask for the patch."""
    tree = work.brief.tree
    text = fill(
        "hybrid_write",
        explanation=state["diagnosis"],
        findings=described(tree, findings(tree), _metric(work)),
        idea=told(state["idea"]),
        files=work.editable,
    )
    return written(work, state, "recombine", text)


PLAN: Plan[Work, State] = {
    "explain": Step(explain, ("recombine",)),
    "recombine": Step(
        recombine,
        ("recombine", "try"),
        lambda work, state: "recombine" if state.get("refusal") else "try",
    ),
    **BACK,
}


def described(tree: Tree, nodes: Sequence[Node], metric: Metric) -> str:
    """Each node's measured gains, and in a quoted block what it changed in its parent."""
    return "\n\n".join(
        f"{outcome(node, metric)}\n\n{quoted(difference(tree, node), DIFF)}" for node in nodes
    )


def difference(tree: Tree, node: Node) -> str:
    """A node's idea, and a unified diff of its files to those of its parent."""
    before, after = tree.child(node).parent.candidate.files, node.candidate.files
    lines = [line(node.candidate.idea, 280)]
    for name in sorted(after):
        old, new = before.get(name, "").split("\n"), after[name].split("\n")
        lines += unified_diff(old, new, f"{name} of node {node.parent}", name, n=3, lineterm="")
    return "\n".join(lines)


def explained(explanations: Sequence[Explanation], numbers: Sequence[int]) -> str:
    """One line for every node that was shown and is explained, in the order of the reply."""
    first: dict[int, Explanation] = {}
    for explanation in explanations:
        if explanation.node in numbers:
            first.setdefault(explanation.node, explanation)
    return "\n".join(
        f"- node {number} ({'keep' if explanation.keep else 'leave'}): "
        f"{line(explanation.mechanism, MECHANISM)}"
        for number, explanation in first.items()
    )


def _metric(work: Work) -> Metric:
    return work.brief.task.metric
