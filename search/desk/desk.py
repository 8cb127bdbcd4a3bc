"""The desk of one proposal: the models, the sandbox and the records that an agent works with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from ...agents.base import AgentError, Form, RefusedError, ReplyError, Tried
from ...agents.llm import Message, Reply, Request, parse_reply, strict_schema
from ...evals import Candidate, admit, probe
from ...sandbox import Job, Result, Sandbox
from ...sandbox.text import clean, line
from ...tasks import Task
from ..budget import Budget
from .cassette import Cassette, digest
from .gateway import unusable
from .roster import NO_MODEL, Models

TRIES = 3  # replies to ask for until one is in the form
LOG = 4000  # characters of a program's log that an agent gets to see


class RunDesk:
    """A desk whose questions are answered by a run's cassette, and tried out in its sandbox."""

    def __init__(
        self,
        thread: str,
        task: Task,
        sandbox: Sandbox,
        cassette: Cassette | None,
        models: Models | None,
        checkpoints: Path | None = None,
        dry: bool = False,
        budget: Budget | None = None,
    ) -> None:
        """Set up for one proposal; if `dry`, its try-outs are audits and run nothing."""
        self.thread, self.checkpoints, self.dry = thread, checkpoints, dry
        self._task, self._sandbox = task, sandbox
        self._cassette, self._models, self._budget = cassette, models, budget or Budget()
        self._asked: Counter[tuple[str, str]] = Counter()

    def ask(self, step: str, role: str, messages: Sequence[Message], form: type[Form]) -> Form:
        """A reply in the form. One that is not in it is sent back with what is wrong.

        Raises ReplyError after `TRIES` of them, RefusedError, and what `Cassette.complete` raises.
        """
        conversation, why = list(messages), ""
        for _ in range(TRIES):
            reply = self._complete(step, role, conversation, form)
            why = unusable(reply)
            if not why or reply.thoughts:
                try:
                    return parse_reply(form, reply.text or reply.thoughts)
                except ValueError as error:
                    why = why or str(error)
            conversation += [
                Message("assistant", reply.text or "(nothing)"),
                Message("user", f"This reply cannot be used: {why}. Give all of it again, mended."),
            ]
        why += _because(reply)
        raise ReplyError(f"{step}: {reply.model} gave {TRIES} replies that cannot be used: {why}")

    def ask_text(self, step: str, role: str, messages: Sequence[Message]) -> str:
        """A reply as free text; raises ReplyError for one that is cut off, refused or empty."""
        reply = self._complete(step, role, messages, None)
        if why := unusable(reply):
            why += _because(reply)
            raise ReplyError(f"{step}: {reply.model} gave no usable reply: {why}")
        return reply.text

    def model(self, role: str) -> str:
        """The name of the model that plays a role, or "" where there is none."""
        return self._models.of(role) if self._models else ""

    def try_out(self, files: Mapping[str, str]) -> Tried:
        """Audit a program and, where the audit lets it pass, run it for seconds on tiny tensors."""
        entry = admit(files, self._task)
        if entry.refused:
            return Tried(entry.refused, entry.flags)
        if self.dry:
            return Tried((), entry.flags, "ok", "not run: a person decides before it runs")
        candidate = Candidate(files=files, idea="try-out", proposer="desk")
        result = probe(candidate, self._task, self._sandbox)
        return Tried((), entry.flags, result.status, clean(result.log, LOG), result.reply)

    def run(self, job: Job) -> Result:
        """Run a job in the run's sandbox."""
        return self._sandbox.run(job)

    @contextmanager
    def charge(self, trials: int) -> Iterator[None]:
        """Pay for trials that the agent makes itself. A block that raises pays nothing."""
        with self._budget.reserve(trials=trials) as unit:
            yield
            unit.settle(trials=trials)

    def _complete(
        self, step: str, role: str, messages: Sequence[Message], form: type[BaseModel] | None
    ) -> Reply:
        if self._cassette is None or self._models is None:
            raise AgentError(NO_MODEL)
        request = Request(
            model=self._models.of(role),
            messages=tuple(messages),
            form=form.__name__ if form else "",
            schema_=strict_schema(form) if form else None,
            max_output_tokens=self._models.max_output_tokens,
            temperature=self._models.temperature,
        )
        scope = f"{self.thread.partition('/')[2]}/{step}"
        key = (scope, digest(request))
        nth = self._asked[key]
        self._asked[key] += 1
        reply = self._cassette.complete(scope, request, nth)
        if not reply.answered:
            raise RefusedError(f"{step}: {reply.model} will not have this asked: {reply.why}")
        return reply


def _because(reply: Reply) -> str:
    """More about a reply that cannot be used, for a person to read. Older records have no more."""
    if not reply.why or not unusable(reply):
        return ""
    after = f" after {reply.usage.output_tokens} tokens" if reply.finish == "length" else ""
    only = ", in which it only thought" if reply.thoughts and reply.finish == "length" else ""
    quoted = reply.finish == "refused" and reply.text
    text = f", saying {line(reply.text, 200)!r}" if quoted else ""
    return f"{after}{only} ({reply.why}){text}"
