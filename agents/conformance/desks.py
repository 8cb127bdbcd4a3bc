"""Desks for checks of agents: one with nothing on it, one that listens, and one that fails."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ...evals import admit
from ...sandbox import Job, Result
from ...tasks import Task
from ..base import AgentError, BudgetSpent, Desk, Form, Tried
from ..llm import Message

NO_MODEL = "this agent asks a language model: check it with a desk_for that answers"


class BareDesk:
    """A desk without a model and without a sandbox; its try-outs are audits."""

    thread, dry = "check/1.0", True
    checkpoints: Path | None = None

    def __init__(self, task: Task) -> None:
        """Audit programs by the rules of `task`."""
        self._task = task

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        """Refuse, with AgentError."""
        raise AgentError(NO_MODEL)

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        """Refuse, with AgentError."""
        raise AgentError(NO_MODEL)

    def model(self, role: str) -> str:
        """No model plays any role."""
        return ""

    def try_out(self, files: Mapping[str, str]) -> Tried:
        """Audit the program; what passes counts as run."""
        entry = admit(files, self._task)
        return Tried(entry.refused, entry.flags, "not run" if entry.refused else "ok")

    def run(self, job: Job) -> Result:
        """Refuse, with AgentError."""
        raise AgentError("this agent runs jobs: check it with a desk_for that has a sandbox")

    @contextmanager
    def charge(self, trials: int) -> Iterator[None]:
        """Allow any number of trials."""
        yield


def bare_desk(task: Task) -> Desk:
    """A desk for agents that need neither a model nor a sandbox."""
    return BareDesk(task)


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
