"""Desks for checks of agents: one with nothing on it, one that listens, and one that fails."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ...sandbox import Isolation, Job, Result
from ...search.desk.desk import RunDesk
from ...tasks import Task
from ..base import AgentError, BudgetSpent, Desk, Form, Tried
from ..llm import Message


class NoSandbox:
    """A sandbox in which nothing can run."""

    name = "none"
    isolation: Isolation = "none"

    def run(self, job: Job) -> Result:
        """Refuse."""
        raise AgentError("this agent runs jobs: check it with a desk_for that has a sandbox")

    def describe(self) -> dict[str, str]:
        """Nothing to say."""
        return {}

    def close(self) -> None:
        """Nothing to close."""


def bare_desk(task: Task) -> Desk:
    """A desk without a model and without a sandbox; its try-outs are audits."""
    return RunDesk("check/1.0", task, NoSandbox(), None, None, dry=True)


class Listening:
    """A desk that notes what is said to models."""

    def __init__(self, desk: Desk) -> None:
        """Stand in front of a desk."""
        self.desk, self.heard = desk, list[str]()
        self.thread, self.checkpoints = desk.thread, desk.checkpoints
        self.dry = desk.dry

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        """Note what is asked, and ask."""
        self.heard += [message.content for message in messages]
        return self.desk.ask(step, role, messages, form)

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        """Note what is asked, and ask."""
        self.heard += [message.content for message in messages]
        return self.desk.ask_text(step, role, messages)

    def model(self, role: str) -> str:
        """The desk's model."""
        return self.desk.model(role)

    def try_out(self, files: Mapping[str, str]) -> Tried:
        """Try out."""
        return self.desk.try_out(files)

    def run(self, job: Job) -> Result:
        """Run."""
        return self.desk.run(job)

    def charge(self, trials: int) -> AbstractContextManager[None]:
        """Pay."""
        return self.desk.charge(trials)


class Faulty:
    """A desk at which the first use of a model, or of the sandbox, ends badly."""

    def __init__(self, desk: Desk, error: Exception) -> None:
        """Raise `error` where a desk would have been used."""
        self.desk, self.error, self.used = desk, error, False
        self.thread: str = desk.thread
        self.checkpoints: Path | None = None
        self.dry = desk.dry

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        """Fail."""
        raise self._fault()

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        """Fail."""
        raise self._fault()

    def model(self, role: str) -> str:
        """The desk's model."""
        return self.desk.model(role)

    def try_out(self, files: Mapping[str, str]) -> Tried:
        """Try out, if the fault is a model's."""
        if isinstance(self.error, BudgetSpent):
            raise self._fault()
        return self.desk.try_out(files)

    def run(self, job: Job) -> Result:
        """Run, if the fault is a model's."""
        if isinstance(self.error, BudgetSpent):
            raise self._fault()
        return self.desk.run(job)

    def charge(self, trials: int) -> AbstractContextManager[None]:
        """Pay, if the fault is a model's."""
        if isinstance(self.error, BudgetSpent):
            raise self._fault()
        return self.desk.charge(trials)

    def _fault(self) -> Exception:
        self.used = True
        return self.error
