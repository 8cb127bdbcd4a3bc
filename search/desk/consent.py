"""Ask a person before a candidate runs, or before fresh seeds are spent on it.

Questions and answers are events of the run. So whoever can write to the archive can answer, a pause
outlives its process, and a resumed run or a replay does not ask again what was decided.
"""

import time
from collections.abc import Callable, Mapping
from typing import Literal

from ...archive import Archive, Node
from ...evals import Candidate
from ...evals.records import Words
from ...tasks import Frozen
from ..budget import Budget

Mode = Literal["never", "candidates", "confirmations", "all"]
ASKED, DECIDED = "approval asked", "approval decided"  # kinds of events
POLL_SECONDS, PATIENCE_SECONDS = 0.3, 7 * 86_400.0


class Rejected(Exception):
    """A person has rejected a candidate, or its confirmation."""


class Unanswered(Exception):
    """Nobody has decided, and the search cannot wait any longer."""

    exit_code = 3

    def __init__(self, question: str) -> None:
        """Name the question."""
        super().__init__(f"nobody answered {question}: `ratchet approve` does, then resume")


class Question(Frozen):
    """What a person is to decide, and all there is to know about it. Its texts are untrusted."""

    id: str
    what: Literal["candidate", "confirmation"]
    parent: str
    idea: Words
    flags: tuple[Words, ...] = ()
    screen: str = ""
    before: Mapping[str, str]
    after: Mapping[str, str]


class Decision(Frozen):
    """What a person decided. `files` is the program as the person has edited it, if so."""

    id: str
    approved: bool
    reason: Words = ""
    files: Mapping[str, str] | None = None


Prompt = Callable[[Question], Decision]  # asks on the spot


class Approver:
    """The gate of one run."""

    def __init__(
        self,
        archive: Archive,
        run: str,
        mode: Mode = "never",
        prompt: Prompt | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Ask where `mode` says so: by `prompt` on the spot, else through the archive.

        Nobody is waited for beyond the time of `budget`.
        """
        self.archive, self.run, self.mode, self.prompt = archive, run, mode, prompt
        self.budget = budget or Budget()

    @property
    def first(self) -> bool:
        """Whether a person decides before a program runs at all."""
        return self.mode in ("candidates", "all")

    def candidate(
        self, thread: str, parent: Node, candidate: Candidate, flags: tuple[str, ...]
    ) -> Candidate:
        """The candidate as it may run, which a person may have edited.

        `thread` names the proposal, `flags` are the audit's. Raises Rejected and Unanswered.
        """
        if not self.first:
            return candidate
        question = Question(
            id=f"{thread}/{candidate.digest}",
            what="candidate",
            parent=parent.id,
            idea=candidate.idea,
            flags=flags,
            before=parent.candidate.files,
            after=candidate.files,
        )
        decision = self._decide(question)
        if not decision.approved:
            raise Rejected(_refusal("rejected", decision))
        if decision.files is None or dict(decision.files) == dict(candidate.files):
            return candidate
        return candidate.model_copy(
            update={"files": decision.files, "proposer": f"{candidate.proposer}, edited"}
        )

    def confirmation(self, node: Node, parent: Node) -> None:
        """Let a child go on to fresh seeds; raises Rejected or Unanswered where it may not."""
        if self.mode not in ("confirmations", "all"):
            return
        verdict = node.verdict
        question = Question(
            id=f"{node.id}/confirm",
            what="confirmation",
            parent=parent.id,
            idea=node.candidate.idea,
            flags=verdict.flags if verdict else (),
            screen=verdict.reason if verdict else "",
            before=parent.candidate.files,
            after=node.candidate.files,
        )
        decision = self._decide(question)
        if not decision.approved:
            raise Rejected(_refusal("kept from fresh seeds", decision))

    def _decide(self, question: Question) -> Decision:
        if (earlier := decision(self.archive, self.run, question.id)) is not None:
            return earlier
        if question.id not in {asked.id for asked in pending(self.archive, self.run)}:
            self.archive.log(self.run, ASKED, question.model_dump(mode="json"))
        if self.prompt is not None:
            decide(self.archive, self.run, self.prompt(question))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not (self.budget.over_time or self.budget.closed):
            if (earlier := decision(self.archive, self.run, question.id)) is not None:
                return earlier
            time.sleep(POLL_SECONDS)
        raise Unanswered(question.id)


def pending(archive: Archive, run: str) -> list[Question]:
    """The questions of a run that nobody has answered, oldest first."""
    asked = archive.records(run, ASKED, Question)
    answered = {decision.id for decision in archive.records(run, DECIDED, Decision)}
    return [question for question in asked if question.id not in answered]


def decision(archive: Archive, run: str, question: str) -> Decision | None:
    """The first answer to a question, if there is one."""
    answers = archive.records(run, DECIDED, Decision)
    return next((answer for answer in answers if answer.id == question), None)


def decide(archive: Archive, run: str, answer: Decision) -> None:
    """Record an answer. Of two to one question the first counts."""
    archive.log(run, DECIDED, answer.model_dump(mode="json"))


def _refusal(verb: str, decision: Decision) -> str:
    return f"{verb} by a person" + (f": {decision.reason}" if decision.reason else "")
