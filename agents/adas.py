"""Meta Agent Search (ADAS, Hu et al. 2024): reads the whole archive before each new program.

As published: the archive with code and a confidence interval for every program, a design, two
reflections, and up to three rounds of mending. Mended: the archive keeps to a budget of tokens and
says what it leaves out; intervals are of seeds that no program chose; programs run in a sandbox
alone; a reply of the wrong form, or a program that is not new, goes back with what is wrong, where
ADAS would lose the generation.

What differs: in ADAS a program has no parent. Here its judge compares it with one, on the same
seeds, and the policy `best` makes that the best so far: the archive is open to the proposer either
way, and against a planted node every variation of a known success would be confirmed again, each
time at the price of fresh seeds and of a share of the error budget.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from ..archive import Node, Tree
from ..evals import Candidate
from ..sandbox.text import line, quoted
from ..tasks import Metric
from .base import Brief, ProposalError
from .research.asking import CHARACTERS, messages, occasion
from .research.facts import Z, interval, outcome, rejected
from .research.forms import File, Form
from .research.programs import Fault, built, editable, rewrites
from .research.prompts import fill
from .research.recall import program, task_words

Found = TypeVar("Found", bound="Solution")

FIXES = 3  # rounds of mending after a try-out that failed
TOKENS = 24_000  # most tokens of the archive in a prompt, of `CHARACTERS` characters each
NEWEST = 2  # newest programs, which are left out last, as the planted ones are
THOUGHT = 1000  # characters of a program's idea that are shown
IDEA = 400


class Solution(Form):
    """The next program, and the thought behind it."""

    thought: str
    name: str
    files: tuple[File, ...]


class Reflected(Solution):
    """The program after a reflection, or after an error."""

    reflection: str


class Entry(NamedTuple):
    """A program of the archive as the prompt shows it; `gain` is that over the start."""

    node: Node
    gain: float
    text: str


def create() -> "Adas":
    """Open the agent."""
    return Adas()


class Adas:
    """Three to six model calls a proposal; remembers nothing itself."""

    select = "best"
    attempts = 1
    needs_model = True
    requests = 3

    def propose(self, brief: Brief) -> Candidate:
        """Offer a program that its author looked through twice and that passed its try-out.

        Raises ProposalError where the rounds of mending were not enough.
        """
        talk = _Talk(brief)
        solution: Solution = talk.say("design", "propose", _design(brief), Solution)
        solution = talk.say("reflect/1", "propose", fill("adas_reflect"), Reflected)
        mistakes = fill("adas_mistakes", mistakes=fill("known_mistakes"))
        solution = talk.say("reflect/2", "propose", mistakes, Reflected)
        for count in range(FIXES + 1):
            files = built(brief, rewrites(solution.files))
            if not isinstance(files, Fault):
                return _candidate(brief, solution, files, count)
            fault = files
            if count < FIXES:
                text = fill("adas_mend", error=fault.told, parent=str(brief.parent.number))
                solution = talk.say(f"mend/{count + 1}", "repair", text, Reflected)
        raise ProposalError(f"{FIXES} rounds did not mend it: {fault.sentence}")


class _Talk:
    """A dialogue in which the model sees all earlier questions and replies."""

    def __init__(self, brief: Brief) -> None:
        self.brief, self.said = brief, list[str]()
        self.material = f"{task_words(brief.task)}\n\n{archive(brief)}"

    def say(self, step: str, role: str, text: str, form: type[Found]) -> Found:
        """Ask the next question; its reply joins the dialogue."""
        self.said.append(text)
        dialogue = messages(self.material, self.said[0], self.said[1:])
        reply = self.brief.desk.ask(step, role, dialogue, form)
        self.said.append(reply.model_dump_json())
        return reply


def archive(brief: Brief, tokens: int = TOKENS) -> str:
    """Every planted and measured program, in their order, as far as the budget reaches."""
    entries = [
        _entry(node, brief.tree, brief.task.metric)
        for node in brief.tree
        if node.verdict is None or (_measured(node) and not rejected(node))
    ]
    kept = fitted(entries, tokens * CHARACTERS, brief.parent.number)
    left_out = len(entries) - len(kept)
    note = f"\n\n({left_out} programs of lesser gain are left out.)" if left_out else ""
    return "\n\n".join(["# The archive", *(entry.text for entry in kept)]) + note


def fitted(entries: Sequence[Entry], room: int, parent: int) -> list[Entry]:
    """Entries that fit into `room` characters. The worst in the middle go first, never `parent`."""
    planted = {entry.node.number for entry in entries if entry.node.verdict is None}
    ends = planted | {entry.node.number for entry in entries[-NEWEST:]}
    kept = {entry.node.number: entry for entry in entries}
    used = sum(len(entry.text) + 2 for entry in entries)
    for entry in sorted(entries, key=lambda e: (e.node.number in ends, e.gain)):
        if used <= room:
            break
        if entry.node.number != parent:
            used -= len(kept.pop(entry.node.number).text) + 2
    return list(kept.values())


def fitness(node: Node, tree: Tree) -> tuple[float, float]:
    """The gain over the start, and half the width of its 95 % interval.

    Of a program that was not ranked, it is the parent's gain and its own over the parent.
    """
    if node.gain is not None:
        return node.gain, Z * node.gain_error
    verdict = node.verdict
    screen = verdict.screen if verdict else None
    if screen is None or node.parent is None:
        return -math.inf, math.inf
    parent, own = tree[node.parent], interval(screen)
    half = math.hypot(Z * parent.gain_error, (own.high - own.low) / 2)
    return (parent.gain or 0.0) + own.gain, half


def _measured(node: Node) -> bool:
    verdict = node.verdict
    return verdict is not None and (node.gain is not None or verdict.screen is not None)


def _entry(node: Node, tree: Tree, metric: Metric) -> Entry:
    gain, half = fitness(node, tree)
    span = f"{gain:+.4f}, 95 % interval {gain - half:+.4f} to {gain + half:+.4f} {metric.unit}"
    parts = [
        f"## {outcome(node, metric)}",
        f"fitness: {span} over the start",
        quoted(node.candidate.idea, THOUGHT),
        program(node.candidate.files),
    ]
    return Entry(node, gain, "\n\n".join(parts))


def _design(brief: Brief) -> str:
    text = fill("adas_design", parent=str(brief.parent.number), files=editable(brief))
    return f"{text}\n\n{occasion(brief)}".strip()


def _candidate(brief: Brief, solution: Solution, files: dict[str, str], fixes: int) -> Candidate:
    notes = {
        "operator": "meta agent search",
        "hypothesis": solution.thought,
        "review": solution.reflection if isinstance(solution, Reflected) else "",
        "repairs": str(fixes),
        "model": brief.desk.model("repair" if fixes else "propose"),
    }
    idea = f"{line(solution.name, 80)}: {line(solution.thought, IDEA)}"
    kept = {heading: text for heading, text in notes.items() if text}
    return Candidate(files=files, idea=idea, proposer="adas", notes=kept)
