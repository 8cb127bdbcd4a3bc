"""What an agent is, what it is given, and what it may raise."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar

from pydantic import BaseModel

from ..archive import Node, Tree
from ..evals import Candidate
from ..sandbox import Job, Result
from ..tasks import Task
from .evolve.learned import Learned
from .llm import Message

Form = TypeVar("Form", bound=BaseModel)


class ProposalError(Exception):
    """The agent has nothing to offer this time: no edit applies, or nothing changed."""


class ReplyError(ProposalError):
    """A language model gave nothing that can be used, even when told what was wrong."""


class RefusedError(ReplyError):
    """The server will not have this question answered, however often it is asked."""


class AgentError(Exception):
    """There is no such agent, or it broke the rules of the search."""

    exit_code = 2


class BudgetSpent(Exception):
    """The next unit of work does not fit into what is left of a cap."""

    exit_code = 4  # of what ends before it has begun; a search that is under way reports


@dataclass(frozen=True)
class Tried:
    """The result of a try-out: the audit's findings, and how the smoke run ended.

    `log` is untrusted text of the program, and `reply` what its behaviour comes to, which the
    task's `[probe]` says how to read.
    """

    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    status: str = "not run"
    log: str = ""
    reply: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether the program may be measured."""
        return not self.refused and self.status == "ok"


class Desk(Protocol):
    """The models and the sandbox that an agent may use for one proposal: metered and recorded.

    Whatever was answered once is answered alike again after a kill, and in a replay, for nothing.
    """

    thread: str  # names the proposal: RUN/TURN.ATTEMPT
    checkpoints: Path | None  # SQLite file for the checkpoints of a graph; None: keep none on disk
    dry: bool  # a person decides before a program runs, so try-outs are audits alone

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        """A model's reply in the given form; `step` names the question within the proposal.

        Raises ReplyError where nothing usable came (RefusedError where the server does not take
        the question), ModelError where the endpoint is unusable, and
        BudgetSpent where the budget does not allow the question.
        """
        ...

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        """A model's reply as plain text; raises what `ask` raises."""
        ...

    def model(self, role: str) -> str:
        """The name of the model that plays a role, or "" where there is none."""
        ...

    def try_out(self, files: Mapping[str, str]) -> Tried:
        """Audit a program and run it for seconds on tiny tensors in the sandbox."""
        ...

    def run(self, job: Job) -> Result:
        """Run a job in the sandbox, for agents that are themselves programs of an archive."""
        ...

    def charge(self, trials: int) -> AbstractContextManager[None]:
        """Pay for trials that the agent makes itself, within the block.

        Raises BudgetSpent where the budget does not allow so many.
        """
        ...


@dataclass(frozen=True)
class Brief:
    """One request for a proposal: all that an agent may know, and its desk.

    The tree holds what was measured with isolation. What a node says of itself, such as its log, is
    text of an untrusted program: `sandbox.text.quoted` puts it before a model. `learned` is what
    earlier runs of the task taught; None says that nothing is to be learned, as in older runs.
    """

    task: Task
    parent: Node
    tree: Tree
    rng: Random
    desk: Desk
    learned: Learned | None = None


class Agent(Protocol):
    """A program that proposes. It never runs candidate code itself.

    It may declare `select`, the name of the selection policy that suits it; `attempts`, how often
    one turn may ask it; `tune`, the share of a search's trials that go into tuning constants;
    `needs_model`; `requests`, how many model requests a proposal takes; and `name`, if nodes are to
    show another one. `opening.Opened` has the defaults.
    """

    def propose(self, brief: Brief) -> Candidate:
        """Offer a changed program, or raise ProposalError. Equal briefs give equal offers.

        What the desk raises goes through. Anything else that is raised is a proposal that failed.
        """
        ...
