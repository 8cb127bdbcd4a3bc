"""What an agent is, what it is given, and how one is opened by name."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar

from pydantic import BaseModel

from ..archive import Archive, Node, Tree
from ..evals import Candidate
from ..sandbox import Job, Result
from ..sandbox.text import line
from ..tasks import Task
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


@dataclass(frozen=True)
class Tried:
    """What came of a try-out: the audit's findings, and how the smoke run ended.

    `log` is untrusted text of the program.
    """

    refused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    status: str = "not run"
    log: str = ""

    @property
    def ok(self) -> bool:
        """Whether the program may be measured."""
        return not self.refused and self.status == "ok"


class Desk(Protocol):
    """What an agent may use while it works on one proposal: metered, recorded, repeatable.

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

    def charge(self, evaluations: int) -> AbstractContextManager[None]:
        """Pay for evaluations that the agent makes itself, within the block.

        Raises BudgetSpent where the budget does not allow so many.
        """
        ...


@dataclass(frozen=True)
class Brief:
    """One request for a proposal: all that an agent may know, and its desk.

    The tree holds what was measured with isolation. What a node says of itself, such as its log, is
    text of an untrusted program: `sandbox.text.quoted` puts it before a model.
    """

    task: Task
    parent: Node
    tree: Tree
    rng: Random
    desk: Desk


class Agent(Protocol):
    """A program that proposes. It never runs candidate code itself.

    It may have `select`, the policy that suits it, and `attempts`, how often one turn may ask it.
    """

    def propose(self, brief: Brief) -> Candidate:
        """Offer a changed program, or raise ProposalError. Equal briefs give equal offers.

        What the desk raises goes through. Anything else that is raised is a proposal that failed.
        """
        ...


def open_agent(name: str, archive: Archive | None = None) -> Agent:
    """Open the agent in the module of that name: `evolver`, or `your.module` with `create()`.

    RUN.NUMBER is one that a search has found, from `archive`. Raises AgentError, also for whatever
    a module raises while it is imported or makes its agent.
    """
    if archive is not None and re.fullmatch(r"[\w-]+\.\d+", name):
        from .archived import open_archived

        return open_archived(archive, name)
    if re.fullmatch(r"\w+(\.\w+)*", name) is None:
        raise AgentError(f"no agent named {name!r}: use evolver, or a module with create()")
    try:
        module = import_module(name if "." in name else f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise AgentError(
            f"no agent named {name!r}: use evolver, or a module with create() ({error})"
        ) from error
    except (Exception, SystemExit) as error:
        raise AgentError(f"the module {name} cannot be imported: {_named(error)}") from error
    if not hasattr(module, "create"):
        raise AgentError(f"{module.__name__} has no create(), so it is not an agent")
    try:
        agent: Agent = module.create()
    except AgentError:
        raise
    except (Exception, SystemExit) as error:
        raise AgentError(f"create() of {module.__name__} raised {_named(error)}") from error
    if not callable(getattr(agent, "propose", None)):
        raise AgentError(f"what create() of {module.__name__} makes has no method propose")
    return agent


def _named(error: BaseException) -> str:
    return line(f"{type(error).__name__}: {error}", 300)
