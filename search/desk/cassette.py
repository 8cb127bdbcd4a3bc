"""Every request to a language model with its reply, kept in the archive with the work it served.

A request that was answered once is never sent again: not after a kill, and not in a replay, which
has no endpoint at all. Only the request and its reply are stored; keys and headers never come here.
"""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Mapping

from ...agents.llm import Endpoint, ModelError, Price, Reply, Request, Usage, cost
from ...archive import Archive
from ...archive.tables import as_json
from ...tasks import Frozen
from ..budget import Budget, Resource

TRIAL = "trial/"  # how scopes begin that serve a measurement, not a proposal
# Questions in a row without a usable reply, from which on the endpoint is taken to be at fault. A
# filter that refuses half of all questions does so sixteen times running once in 130,000 of them,
# and sixteen refusals take seconds. For an endpoint that never answered, fewer are enough.
FRUITLESS, FRUITLESS_AT_FIRST = 16, 6


class CassetteError(Exception):
    """A replay asks what the run it repeats did not ask."""

    exit_code = 5


class CassetteEntry(Frozen):
    """A request and its reply, as they are kept."""

    request: Request
    reply: Reply


def digest(request: Request) -> str:
    """Content address of a request."""
    return hashlib.sha256(as_json(request.model_dump(mode="json")).encode()).hexdigest()[:32]


class Cassette:
    """The one way from a run to its language models. Safe to use from several threads."""

    def __init__(
        self,
        archive: Archive,
        run: str,
        endpoint: Endpoint | None,
        budget: Budget,
        prices: Mapping[str, Price],
    ) -> None:
        """Record under `run`. Without an endpoint, only what is recorded can be answered.

        `prices` are in dollars per million tokens, by model.
        """
        self.archive, self.run, self.endpoint = archive, run, endpoint
        self.budget, self.prices = budget, prices
        self._guard = threading.Lock()
        self._row, self._answered = 0, False
        self._locks: defaultdict[tuple[str, str, int], threading.Lock] = defaultdict(threading.Lock)

    def complete(self, scope: str, request: Request, nth: int = 0) -> Reply:
        """The reply to a request of `scope`, before which `nth` equal ones were made.

        A refusal is kept like a reply, and not asked again. Raises CassetteError for what a replay
        has no record of, BudgetSpent for what may not be spent, and ModelError where the endpoint
        is unusable, or refused or failed to answer many questions in a row.
        """
        key = digest(request)
        with self._guard:
            lock = self._locks[scope, key, nth]
        with lock:
            entry = self._recorded(scope, key, nth)
            if entry is None:
                entry = self._ask(scope, request, key, nth)
        return entry.reply

    def _recorded(self, scope: str, key: str, nth: int) -> CassetteEntry | None:
        """The recorded entry, if there is one.

        In a measurement, the first reply that any run got serves every run. A refusal serves its
        own run alone: another run may come when the server has been mended.
        """
        for run in (None, self.run) if scope.startswith(TRIAL) else (self.run,):
            data = self.archive.reply(run, scope, key, nth)
            if data is None:
                continue
            entry = self.archive.record(CassetteEntry, data, f"the reply {nth} to {key} of {scope}")
            if run is not None or entry.reply.answered:
                return entry
        return None

    def _ask(self, scope: str, request: Request, key: str, nth: int) -> CassetteEntry:
        if self.endpoint is None:
            raise CassetteError(
                f"the cassette of run {self.run} holds no reply to what {scope} asks: "
                "the code or the task has changed since it was recorded"
            )
        entry = CassetteEntry(request=request, reply=self._send(self.endpoint, request))
        self.archive.add_reply(self.run, scope, key, nth, entry.model_dump(mode="json"))
        self._count(scope, entry.reply, self.endpoint)
        return entry

    def _count(self, scope: str, reply: Reply, endpoint: Endpoint) -> None:
        """Raise ModelError where too many questions in a row had no usable reply.

        A candidate chooses what it asks, so it could end a search by asking what is refused. Its
        refusals therefore count only until the first answer, while the start is being measured.
        """
        with self._guard:
            self._answered = self._answered or reply.answered or _answered(self.archive, self.run)
            if reply.finish != "refused" and reply.answered:
                self._row = 0
                return
            if self._answered and scope.startswith(TRIAL):
                return
            self._row += 1
            row, most = self._row, FRUITLESS if self._answered else FRUITLESS_AT_FIRST
        if row >= most:
            why = reply.why or "it was empty"
            raise ModelError(
                f"the model server at {endpoint.access.url} answered none of the last {row} "
                f"questions (of the last: {why}): mend what it names, or use another model; "
                "`ratchet resume` then goes on where this stopped"
            )

    def _send(self, endpoint: Endpoint, request: Request) -> Reply:
        """Ask the endpoint. Its tokens are booked whatever the reply is worth."""
        price = self.prices.get(request.model)
        tokens = request.estimate()
        most = {"tokens": float(tokens + request.max_output_tokens)}
        if price is not None:
            full = Usage(input_tokens=tokens, output_tokens=request.max_output_tokens)
            most["dollars"] = cost(price, full)
        with self.budget.reserve(**most) as unit:
            reply = endpoint.complete(request)
            paid = cost(price, reply.usage) if price is not None else 0.0
            unit.settle(tokens=_total(reply.usage), dollars=paid)
        return reply


def spent(archive: Archive, run: str, prices: Mapping[str, Price]) -> dict[Resource, float]:
    """What the replies of a run have used so far: tokens and dollars."""
    entries = [
        archive.record(CassetteEntry, row["data"], f"a reply to {row['scope']} of run {run}")
        for row in archive.replies(run)
    ]
    dollars = [
        cost(prices[entry.request.model], entry.reply.usage)
        for entry in entries
        if entry.request.model in prices
    ]
    return {"tokens": sum(_total(e.reply.usage) for e in entries), "dollars": sum(dollars)}


def _answered(archive: Archive, run: str) -> bool:
    """Whether any question of a run was answered, in this session or an earlier one."""
    replies = (CassetteEntry.model_validate(row["data"]).reply for row in archive.replies(run))
    return any(reply.answered for reply in replies)


def _total(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens
