"""One try at a time against a server, through the OpenAI SDK, whose only home this is.

The SDK's own timeout is for each read, so a server that sends a byte now and then would hold a
request for ever. Here requests run on an event loop in a thread of their own, where one can be
cancelled as a whole, wherever it stands.
"""

import asyncio
import concurrent.futures
import json
import math
import ssl
import time
from collections.abc import Coroutine
from contextlib import suppress
from email.utils import parsedate_to_datetime
from threading import Lock, Thread
from typing import NamedTuple, TypeVar

import httpx2
import openai

from ...sandbox.text import line
from .address import Access, is_loopback
from .dialects import reported
from .faults import Fault, seconds
from .records import ModelError

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 5.0

T = TypeVar("T")


class Answer(NamedTuple):
    """A reply's body, read as JSON, and the name that the server gave to the request."""

    data: object
    request_id: str


class Client:
    """A connection pool to one server. Safe to use from many threads."""

    def __init__(self, access: Access) -> None:
        """Connect to nothing yet. Raises ModelError where the environment forbids it."""
        self._access = access
        sdk = _sdk(access)
        if sdk is None:
            raise ModelError(
                "the proxy or header settings of this environment (ALL_PROXY, HTTPS_PROXY, "
                "OPENAI_CUSTOM_HEADERS) cannot be used: correct or unset them"
            )
        self._sdk = sdk
        self._gate, self._closing = Lock(), False
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="ratchet-model", daemon=True)
        self._thread.start()

    def post(self, path: str, body: dict[str, object], limit: float) -> Answer | Fault:
        """Send a body, and have the answer within `limit` seconds, or what went wrong."""
        return self._run(self._bounded(path, body, limit), limit)

    def get(self, path: str, limit: float) -> Answer | Fault:
        """Ask without a body; returns and raises as `post` does."""
        return self._run(self._bounded(path, None, limit), limit)

    def close(self) -> None:
        """End what is under way, which then raises ModelError, and the thread."""
        with self._gate:  # what was let in before is ended with the rest, and nothing follows it
            if self._closing:
                return
            self._closing = True
        with suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_SECONDS)
        if not self._thread.is_alive():
            # Nothing is left half begun, which Python would complain of at its end.
            while left := asyncio.all_tasks(self._loop):
                for task in left:
                    task.cancel()
                self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.close()

    def _run(self, work: Coroutine[object, object, T], limit: float) -> T:
        """Wait for it in this thread; if that is interrupted, so is the work."""
        closed = f"the connection to the model server at {self._access.url} was closed"
        with self._gate:
            if self._closing:
                work.close()
                raise ModelError(closed)
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(limit + CLOSE_SECONDS)
        except (concurrent.futures.CancelledError, TimeoutError):
            raise ModelError(closed) from None
        finally:
            future.cancel()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._sdk.close()

    async def _bounded(
        self, path: str, body: dict[str, object] | None, limit: float
    ) -> Answer | Fault:
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(path, body, limit)
        except TimeoutError:
            return Fault("timeout", detail=seconds(limit))

    async def _exchange(
        self, path: str, body: dict[str, object] | None, limit: float
    ) -> Answer | Fault:
        timeout = httpx2.Timeout(limit, connect=min(limit, CONNECT_SECONDS))
        try:
            if body is None:
                response = await self._sdk.get(
                    path, cast_to=httpx2.Response, options={"timeout": timeout}
                )
            else:
                response = await self._sdk.post(
                    path, cast_to=httpx2.Response, body=body, options={"timeout": timeout}
                )
        except openai.APIStatusError as error:
            return self._status(error)
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            return _lost(error, limit)
        try:
            data: object = json.loads(response.content)
        except (ValueError, RecursionError):
            return Fault("garbled", detail="not JSON")
        name = response.headers.get("x-request-id", "")
        return Answer(data, self._access.hide(line(name, 100)))

    def _status(self, error: openai.APIStatusError) -> Fault:
        body, headers = error.body, error.response.headers
        return reported(body, self._access, error.status_code, asked_to_wait(headers))


def _sdk(access: Access) -> openai.AsyncOpenAI | None:
    """The SDK's client; what it says where it cannot be made may repeat credentials."""
    own: httpx2.AsyncClient | None = None
    try:
        if is_loopback(httpx2.URL(access.url).host):  # where a proxy would find its own machine
            # The certificates that the environment names count all the same.
            verify = httpx2.create_ssl_context() if access.url.startswith("https") else True
            own = openai.DefaultAsyncHttpxClient(trust_env=False, verify=verify)
        return openai.AsyncOpenAI(
            http_client=own,
            base_url=access.url,
            api_key=access.key or "none",
            default_headers=dict(access.headers),
            max_retries=0,
        )
    except (openai.OpenAIError, ValueError, ImportError):
        return None


def asked_to_wait(headers: httpx2.Headers) -> float | None:
    """The seconds that a server asks to wait; None if it does not ask."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(ValueError):
            wait = float(headers.get(name, "")) / unit
            if math.isfinite(wait):
                return max(0.0, wait)
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, when.timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _lost(error: BaseException, limit: float) -> Fault:
    """Why a connection broke, in our words: those of libraries may repeat what was sent."""
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 20:
        causes.append(cause)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Fault("certificate")
    if any(isinstance(cause, httpx2.ConnectTimeout) for cause in causes):
        return Fault("connection", detail=f"no connection in {seconds(CONNECT_SECONDS)}")
    if isinstance(error, (openai.APITimeoutError, httpx2.TimeoutException)):
        return Fault("timeout", detail=seconds(limit))
    if any(isinstance(cause, httpx2.ConnectError) for cause in causes):
        text = " ".join(str(cause) for cause in causes).lower()
        unknown = any(mark in text for mark in ("name or service", "getaddrinfo", "resolution"))
        return Fault("connection", detail="no such host" if unknown else "connection refused")
    return Fault("connection", detail="connection lost")
