"""One model server: bounded tries, one deadline, and what it was found not to take."""

import difflib
import itertools
import logging
import os
import time
from dataclasses import replace
from threading import Event, Lock
from types import TracebackType
from typing import Literal, Self

from ...sandbox.text import line
from .address import KEY_VARIABLE, OPENAI, URL_VARIABLE, Access
from .dialects import PATHS, Reading, read, write
from .effort import SLOW_TRIES, Effort
from .faults import NO_SUCH_ROUTE, OVERLOADED, Fault, refusal, seconds, sentence
from .limits import bounds
from .records import ModelError, Reply, Request, Usage
from .traits import Api, Traits, adjusted

log = logging.getLogger(__name__)

Choice = Literal["auto", "responses", "chat"]
TIMEOUT_SECONDS, PATIENCE_SECONDS = 300.0, 120.0
LIST_SECONDS = 10.0
NAMED = 6
BARE_TRIES = 2  # with a schema, where the server fails and may fail because of it
SAID = {
    frozenset[bool](): "unknown",
    frozenset({True}): "yes",
    frozenset({False}): "no",
    frozenset({True, False}): "some models",
}


class Endpoint:
    """A server that speaks the OpenAI protocol. Safe to use from many threads.

    A try is ended after `timeout_seconds`, whatever the server does meanwhile, and repeated only
    where that may help. One `complete` spends at most twice that time on tries, and
    `patience_seconds` on waiting between them. With `api` "auto" it finds out which dialect the
    server has: Responses first for OpenAI's own, chat completions first for others.
    """

    def __init__(
        self,
        access: Access,
        api: Choice = "auto",
        timeout_seconds: float = TIMEOUT_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Connect to nothing yet; `close` it in the end."""
        from .client import Client  # the SDK takes half a second to import

        self.access, self.api = access, api
        self.timeout_seconds, self.patience_seconds = timeout_seconds, patience_seconds
        self._client: Client = Client(access)
        first: Traits = Traits("responses" if access.official else "chat")
        if api != "auto":
            first = Traits(api)
        # The older name of the limit is what most servers know; some ignore what they do not.
        self._first = Traits(first.api, newer_limit=access.official)
        self._known: dict[str, Traits] = {}
        self._formed: set[str] = set()
        self._taken: set[str] = set()  # models of which a schema was taken
        self._lock, self._closed = Lock(), Event()

    @classmethod
    def from_environment(
        cls,
        api: Choice = "auto",
        timeout_seconds: float = TIMEOUT_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Self:
        """The server of OPENAI_BASE_URL (OpenAI's own if unset), opened by OPENAI_API_KEY.

        Raises ModelError for a bad address, and where the key is missing that OpenAI needs.
        """
        url, key = os.environ.get(URL_VARIABLE) or OPENAI, os.environ.get(KEY_VARIABLE, "")
        access = Access.parse(url, key, os.environ.get("OPENAI_CUSTOM_HEADERS", ""))
        if access.official and not access.key:
            raise ModelError(
                f"no model server is set: set {KEY_VARIABLE} for {OPENAI}, or {URL_VARIABLE} to "
                "another, such as http://localhost:8000/v1"
            )
        return cls(access, api, timeout_seconds, patience_seconds)

    def __enter__(self) -> Self:
        """Itself; closed on exit."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """The address, without the key."""
        return f"Endpoint({self.access.url!r}, api={self.api!r})"

    def close(self) -> None:
        """End the connections; a `complete` under way raises ModelError."""
        self._closed.set()
        self._client.close()

    def describe(self) -> dict[str, str]:
        """The address, dialect, use of schemas and limits, as far as known; no secrets."""
        with self._lock:
            models = list(self._known.values())
            formed = {self._known[model].schema for model in self._formed}
            limits = sorted({_limits(traits) for traits in models} - {""})
        apis = sorted({traits.api for traits in models}) or [self._first.api]
        return {
            "url": self.access.url,
            "api": "+".join(apis) if models or self.api != "auto" else "auto",
            "structured output": SAID[frozenset(formed)],
            "limits": "; ".join(limits),
        }

    @property
    def prefers(self) -> Api:
        """The dialect that the next request to a new model is tried in first."""
        with self._lock:
            return next((traits.api for traits in self._known.values()), self._first.api)

    def models(self, limit: float = LIST_SECONDS) -> tuple[str, ...] | Fault:
        """The names of its models, sorted; or the fault, where it does not list them."""
        answer = self._client.get("/models", limit)
        if isinstance(answer, Fault):
            return answer
        data = answer.data.get("data") if isinstance(answer.data, dict) else None
        listed = data if isinstance(data, list) else []
        entries = [entry for entry in listed if isinstance(entry, dict)]
        return tuple(sorted(self.access.hide(line(str(e.get("id", "")), 100)) for e in entries))

    def complete(self, request: Request) -> Reply:
        """Have the request answered, or raise ModelError.

        A reply that was cut or refused is a Reply, and so is one to a question that the server
        will not take, though it may take others.
        """
        work = Effort(time.monotonic(), self.timeout_seconds * SLOW_TRIES, self.patience_seconds)
        traits, changed = self._traits(request.model), frozenset[str]()
        while isinstance(result := self._persist(request, traits, work), Fault):
            free = self.api == "auto" and request.model not in self._known
            step = adjusted(traits, result, request, free, changed)
            if step is None:
                return self._final(request, result, work, traits.limit(request))
            traits, changed = step[0], changed | {step[1]}
            log.info("%s does not take %s as sent", self.access.url, step[1])
        reading, request_id = result
        self._remember(traits.settled(request, reading.usage), request)
        return work.reply(reading, request_id)

    def _remember(self, traits: Traits, request: Request) -> None:
        """Keep what was found, beside what other threads have found meanwhile."""
        model = request.model
        with self._lock:
            before = self._known.get(model, traits)
            if traits.takes(request):
                self._taken.add(model)
            elif request.form in traits.formless and model not in self._taken:
                traits = replace(traits, schema=False)  # it has taken none so far
            most = [limits.most for limits in (traits, before) if limits.most is not None]
            self._known[model] = replace(
                traits,
                schema=traits.schema and before.schema,
                formless=traits.formless | before.formless,
                most=min(most, default=None),
                window=traits.window or before.window,
            )
            if request.schema_ is not None:
                self._formed.add(model)

    @property
    def _settled(self) -> bool:
        """Whether the server has answered in some dialect before."""
        with self._lock:
            return bool(self._known)

    def _traits(self, model: str) -> Traits:
        with self._lock:
            traits = self._known.get(model)
        return traits or Traits(self.prefers, newer_limit=self._first.newer_limit)

    def _persist(
        self, request: Request, traits: Traits, work: Effort
    ) -> tuple[Reading, str] | Fault:
        """Try, wait and try again, as long as that may help.

        A failure may be that of a grammar: it is not sought for long before the schema is left out,
        unless the server only says that it is busy.
        """
        for count in itertools.count(1):
            result = self._once(request, traits, work)
            if not isinstance(result, Fault) or not result.passing:
                return result
            if traits.takes(request) and result.status >= 500:
                if result.of_grammar:
                    return result
                if count >= BARE_TRIES and result.status not in OVERLOADED:
                    return result
            elif count >= BARE_TRIES and result.of_question:
                return result
            wait = work.next_wait(result, self._settled)
            if wait is None:
                return result
            log.info("%s: %s; again in %s", self.access.url, _short(result), seconds(wait))
            if self._closed.wait(wait):
                raise ModelError(f"the connection to the model server at {self.access.url} closed")
            work.retries += 1
        raise AssertionError("counting does not end")

    def _once(self, request: Request, traits: Traits, work: Effort) -> tuple[Reading, str] | Fault:
        began = time.monotonic()
        limit = min(self.timeout_seconds, work.working)
        answer = self._client.post(PATHS[traits.api], write(request, traits), limit)
        work.working -= time.monotonic() - began
        work.tries += 1
        if isinstance(answer, Fault):
            return answer
        reading = read(traits.api, answer.data, request, self.access)
        return reading if isinstance(reading, Fault) else (reading, answer.request_id)

    def _final(self, request: Request, fault: Fault, work: Effort, sent: int) -> Reply:
        """A reply that says no more than why there is none; or ModelError."""
        if fault.of_question:
            size = fault.too_long or fault.too_much
            says = bounds(f"{fault.param} {fault.said or fault.detail}".lower(), sent)
            reading = Reading(
                text="" if size else fault.detail,
                finish="length" if size else "refused",
                usage=Usage(),
                model=request.model,
                why=refusal(fault, request, says),
                answered=False,
            )
            return work.reply(reading, "")
        alike: list[str] = []
        if fault.status in NO_SUCH_ROUTE and not isinstance(listed := self.models(), Fault):
            alike = nearest(request.model, listed)
        raise ModelError(
            sentence(fault, self.access, request.model, work.tries, work.waited, alike)
        )


def _limits(traits: Traits) -> str:
    """The limits of a model, in words."""
    window = f"{traits.window} tokens of prompt and reply together" if traits.window else ""
    most = f"{traits.most} tokens a reply" if traits.most else ""
    return ", ".join(part for part in (window, most) if part)


def _short(fault: Fault) -> str:
    return f"HTTP {fault.status}" if fault.status else fault.detail or fault.kind


def nearest(model: str, listed: tuple[str, ...]) -> list[str]:
    """A few of the names, those most like `model` first; all names if it is one of them."""
    if model in listed:
        return list(listed)
    near = difflib.get_close_matches(model, listed, NAMED, cutoff=0.3)
    return [*near, *(name for name in listed if name not in near)][:NAMED]
