"""Agents that a search has found. Each is a program of an archive and runs in the sandbox.

One proposal is up to `ROUNDS` jobs without a network. The agent gets the tree as plain data. Where
it asks a model or has a program tried out, its job ends with the question; the desk answers, and
the next job runs it anew with all replies so far. So nothing waits in a box, every question is
metered and recorded like those of other agents, and a replay asks nobody.
"""

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, ValidationError

from ..archive import Archive, Node, Tree, require_sound
from ..evals import Candidate
from ..sandbox import Job, Limits, Program, Result
from ..sandbox.text import clean, line
from ..tasks import Frozen, Task
from ..tasks.motifs import Motif, usual
from .base import AgentError, Brief, Desk, ProposalError
from .llm import Message

ROUNDS = 12  # sandbox jobs per proposal; the last must answer, so at most 11 questions
NODES = 40  # most nodes that an agent is shown
CHARACTERS = 400_000  # most characters in the files of those nodes
PROMPT = 60_000  # most characters of a question to a model
LOG = 2000  # characters of a program's log that an agent is shown
ROLE = "agent"
LEFT = 0.5  # share of the budget left, told to every agent: a Brief does not know the real one
LIMITS = Limits(wall_seconds=30, memory_mb=1024, reply_bytes=1 << 20)
# Most bytes and seconds of all jobs of one proposal. An honest agent sends little more than its
# program, and may compute for two seconds a job.
SENT_BYTES, SECONDS = 4 << 20, 60.0
IDEA = 10_000  # characters of an idea that are kept


class Question(Frozen):
    """A question of an agent: a model's reply to `prompt`, or whether `files` run."""

    id: str = Field(max_length=20)
    kind: Literal["ask", "try"]
    prompt: str = Field(default="", max_length=PROMPT)
    files: Mapping[str, str] = {}

    def asked(self) -> dict[str, object]:
        """The question as it is replayed to the agent, which compares it with what it asks then."""
        content = self.prompt if self.kind == "ask" else dict(self.files)
        return {"kind": self.kind, "prompt" if self.kind == "ask" else "files": content}


class Turn(Frozen):
    """The reply of one job: a proposal, or a question."""

    files: Mapping[str, str] = {}
    idea: str = ""
    parent: int = Field(default=0, ge=0, lt=2**31)
    asks: tuple[Question, ...] = Field(default=(), max_length=1)


class Archived:
    """An agent that is a program of an archive."""

    attempts = 4

    def __init__(self, files: Mapping[str, str], program: Program, name: str) -> None:
        """Run `files` beside `program`, the guest of the task that the agent was judged on."""
        self._files = {path: text.encode() for path, text in files.items()}
        self._program, self._name = program, name

    def propose(self, brief: Brief) -> Candidate:
        """Offer what the program proposes; raises ProposalError if it fails or replies badly."""
        request, replies = self._told(brief), dict[str, object]()
        sent, seconds = 0, 0.0
        for number in range(ROUNDS):
            result = self._run(brief.desk, {**request, "replies": replies})
            sent, seconds = sent + len(result.reply), seconds + result.wall_seconds
            if sent > SENT_BYTES or seconds > SECONDS:
                raise ProposalError(
                    f"{self._name} sent {sent} bytes in {seconds:.0f} s, and {SENT_BYTES} bytes "
                    f"and {SECONDS:.0f} s are the most for one proposal"
                )
            turn = self._turn(result)
            if not turn.asks:
                return self._candidate(brief, turn)
            (question,) = turn.asks
            if question.id in replies:
                raise ProposalError(f"{self._name} asks again what it was told")
            replies[question.id] = [question.asked(), _answer(brief.desk, question, number)]
        raise ProposalError(f"{self._name} had not made up its mind after {ROUNDS} questions")

    def _told(self, brief: Brief) -> dict[str, object]:
        tree, parent = brief.tree, brief.parent
        best = tree.best() or parent
        return {
            "statement": f"{brief.task.manifest.title}\n\n{brief.task.manifest.statement}",
            "nodes": [_shown(tree, node) for node in _chosen(tree, parent, best)],
            "parent": parent.number,
            "best": best.number,
            "motifs": _motifs(brief.task),
            "left": LEFT,
            "seed": brief.rng.getrandbits(62),
            "model": bool(brief.desk.model(ROLE)),
            "fresh": True,
        }

    def _run(self, desk: Desk, content: Mapping[str, object]) -> Result:
        request = b"p" + json.dumps(content).encode()
        result = desk.run(Job(self._program, request, self._files, LIMITS))
        if result.status != "ok":
            last_words = line(result.log[-LOG:], 300)
            raise ProposalError(f"{self._name} ended with {result.status}, and said: {last_words}")
        return result

    def _turn(self, result: Result) -> Turn:
        try:
            return Turn.model_validate_json(result.reply)
        except ValidationError as error:
            what = line(str(error)[:2000], 300)
            raise ProposalError(f"{self._name} replied badly: {what}") from error

    def _candidate(self, brief: Brief, turn: Turn) -> Candidate:
        editable = brief.task.manifest.editable
        if set(turn.files) != set(editable):
            given = line(", ".join(turn.files)[:2000] or "nothing", 200)
            raise ProposalError(f"{self._name} offers {given}, not {', '.join(editable)}")
        return Candidate(
            files=turn.files, idea=turn.idea[:IDEA], proposer=self._name, parent=turn.parent
        )


def open_archived(archive: Archive, name: str) -> Archived:
    """The agent that is node `name`; raises AgentError if that node is none.

    Raises ArchiveError if its program may not run.
    """
    node = archive.node(name)
    task = archive.task(node.run)
    if task.manifest.candidate != "agent":
        raise AgentError(
            f"node {node.id} is a program for {task.name!r}, not an agent: name a node of a task "
            'whose task.toml says candidate = "agent", such as research_agent'
        )
    require_sound([node], task)
    return Archived(node.candidate.files, guest_program(task), f"agent {node.id}")


def guest_program(task: Task) -> Program:
    """The guest of an agent task, which holds the agent, as a program of its own."""
    trainer = task.trainer
    files = {path: trainer.files[path] for path in trainer.shown}
    return Program(files, guest=trainer.guest)


def _answer(desk: Desk, question: Question, number: int) -> object:
    if question.kind == "ask":
        return desk.ask_text(f"agent/{number}", ROLE, [Message("user", question.prompt)])
    tried = desk.try_out(question.files)
    return {"ok": tried.ok, "log": clean("\n".join((*tried.refused, tried.log)).strip(), LOG)}


def _chosen(tree: Tree, parent: Node, best: Node) -> list[Node]:
    """The parent, the best, others of high gain and the newest, oldest first."""
    ranked = sorted((n for n in tree if n.gain is not None), key=lambda n: -(n.gain or 0.0))
    order = [parent, best, *ranked[: NODES // 2], *reversed(list(tree))]
    chosen, room = dict[int, Node](), CHARACTERS
    for node in order:
        size = sum(map(len, node.candidate.files.values()))
        if node.number in chosen or len(chosen) == NODES or (size > room and node is not parent):
            continue
        chosen[node.number] = node
        room -= size
    chosen.setdefault(best.number, best)
    return [chosen[number] for number in sorted(chosen)]


def _shown(tree: Tree, node: Node) -> dict[str, object]:
    """A node as agents see it.

    The gain is that over the start. For a node that was only screened, it is the parent's gain and
    the screened gain over the parent.
    """
    gain, error, seeds = node.gain, node.gain_error, sum(e.count for e in node.seeds_run)
    screen = node.verdict.screen if node.verdict else None
    if gain is None and screen is not None:
        base = next((other.gain for other in tree if other.number == node.parent), None)
        gain = None if base is None else base + screen.mean
        error, seeds = screen.error, screen.pairs
    return {
        "number": node.number,
        "parent": node.parent,
        "files": dict(node.candidate.files),
        "gain": gain,
        "error": error,
        "seeds": seeds,
        "standing": node.for_agents,
        "idea": node.candidate.idea,
    }


def _motifs(task: Task) -> list[dict[str, str]]:
    """The motifs of the task that are one expression in `x`, with their constants."""
    motifs = task.motifs.motifs
    return [{"name": motif.name, "code": _code(motif)} for motif in motifs if _simple(motif)]


def _simple(motif: Motif) -> bool:
    parts = (motif.slots, motif.statements, motif.helpers, motif.overrides)
    return not any(parts) and set(motif.takes) == {"x"}


def _code(motif: Motif) -> str:
    constants = (f"{name} = {usual(value)!r}" for name, value in motif.constants.items())
    return "\n".join((*constants, motif.expression))
