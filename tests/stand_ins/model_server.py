"""A model server on loopback whose every reply is scripted, for tests of what talks to one.

It speaks both dialects of the OpenAI protocol over real HTTP: POST /v1/responses and
/v1/chat/completions (also as server-sent events, where a request says `"stream": true`), and
GET /v1/models. What it answers is decided by one function:

    def answer(asked: Asked) -> Reaction | str:
        if asked.nth == 0:
            return failing(429, code="rate_limit_exceeded", headers={"Retry-After": "1"})
        return "the text of the reply"

    with ModelServer(answer) as server:
        ... OPENAI_BASE_URL = server.url ...
        assert [each.finished for each in server.asked] == [True, True]

Reactions: `saying(text)` or a bare str, `truncated(text)`, `refused(text)`, `failing(status, ...)`,
`refusing_schemas()`, `thinking(text)`, `choiceless()`, `malformed()`, `hanging()`, `dripping()`,
`dripping(headers=True)`, `broken()`
(closes in the middle of the body), and of each reaction `.after(seconds)` and `.with_usage(None)`.
`answer` runs in the thread of its request, so it may wait, for a threading.Barrier for example.

As a process of its own, so that a client can be killed and started again while it goes on:

    cd tests
    python -m stand_ins.model_server --script FILE --port-file F [--log L] [--seconds 600]

FILE is Python that defines `answer` (it may `from stand_ins.model_server import *`). F appears once
the server listens, and holds the port. L gets one JSON object a line as each request ends: digest,
dialect, model, nth, again, messages, schema, finished. The process ends by itself after
`--seconds`, or at SIGTERM or SIGINT.
"""

import argparse
import hashlib
import json
import runpy
import select
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

__all__ = [
    "Asked",
    "ModelServer",
    "Reaction",
    "broken",
    "choiceless",
    "dripping",
    "failing",
    "hanging",
    "malformed",
    "refused",
    "refusing_schemas",
    "saying",
    "thinking",
    "truncated",
]

Dialect = Literal["responses", "chat"]
PATHS: dict[str, Dialect] = {"/v1/responses": "responses", "/v1/chat/completions": "chat"}
LONGEST = 600.0  # seconds that anything here may take
DRIP = 0.02  # seconds between two bytes
COUNTED = "counted"


@dataclass
class Asked:
    """One request. `nth` counts all of them from 0, `again` those before with the same body.

    `messages` are (role, text). `schema` is the name of the JSON schema that was sent as a response
    format. `body` is the JSON as it came, `digest` its SHA-256 with sorted keys. `finished` turns
    true when the whole reply has been sent, `began` and `ended` are on `time.monotonic`.
    """

    dialect: Dialect
    model: str
    messages: list[tuple[str, str]]
    schema: str | None
    nth: int
    again: int
    digest: str
    body: Mapping[str, object] = field(repr=False)
    finished: bool = False
    began: float = 0.0
    ended: float = 0.0

    @property
    def prompt(self) -> str:
        """All messages in one text."""
        return "\n".join(text for _, text in self.messages)

    def line(self) -> str:
        """What the log says of it."""
        names = ("digest", "dialect", "model", "nth", "again", "messages", "schema", "finished")
        return json.dumps({name: getattr(self, name) for name in names})


@dataclass(frozen=True)
class Reaction:
    """What the server does with one request, after `delay` seconds. See the functions below."""

    text: str = ""
    kind: Literal["reply", "malformed", "hang", "drip", "drip headers", "break"] = "reply"
    finish: Literal["stop", "length", "refused"] = "stop"
    status: int = 200
    error: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    usage: Mapping[str, object] | str | None = COUNTED
    thoughts: str = ""
    choices: bool = True

    def after(self, seconds: float) -> "Reaction":
        """The same, but later."""
        return replace(self, delay=seconds)

    def with_usage(self, usage: Mapping[str, object] | None) -> "Reaction":
        """The same, with this in the place of the usage; None leaves it out."""
        return replace(self, usage=usage)


def saying(text: str) -> Reaction:
    """A complete reply."""
    return Reaction(text)


def truncated(text: str) -> Reaction:
    """A reply that was cut at the token limit."""
    return Reaction(text, finish="length")


def refused(text: str) -> Reaction:
    """The model declines."""
    return Reaction(text, finish="refused")


def thinking(thoughts: str, finish: Literal["stop", "length"] = "stop") -> Reaction:
    """No text at all, but thoughts beside where it ought to be."""
    return Reaction(finish=finish, thoughts=thoughts)


def choiceless() -> Reaction:
    """A reply without any choice, or output, as some servers give for what they filter."""
    return Reaction(choices=False)


def failing(
    status: int,
    message: str = "it failed",
    code: str | None = None,
    type: str = "error",
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Reaction:
    """An HTTP error with an OpenAI error body, and `more` in it."""
    error = {"message": message, "type": type, "param": param, "code": code, **more}
    return Reaction(status=status, error=error, headers=headers or {})


def refusing_schemas() -> Reaction:
    """What servers without structured output say to a request with a schema."""
    return failing(400, "response_format is not supported", param="response_format")


def malformed() -> Reaction:
    """Status 200, and what is no JSON."""
    return Reaction(kind="malformed")


def hanging() -> Reaction:
    """Take the request and never answer."""
    return Reaction(kind="hang")


def dripping(headers: bool = False) -> Reaction:
    """Never come to an end of the body, or of the headers, one byte at a time."""
    return Reaction(kind="drip headers" if headers else "drip")


def broken() -> Reaction:
    """Close the connection in the middle of the body."""
    return Reaction("x" * 1000, kind="break")


Answer = Callable[[Asked], Reaction | str]


class ModelServer:
    """The server, from construction to `close`; `dialects` are those it has, `models` it lists."""

    def __init__(
        self,
        answer: Answer,
        models: Sequence[str] = ("test-model",),
        dialects: Sequence[Dialect] = ("responses", "chat"),
        log: Path | None = None,
    ) -> None:
        self.answer, self.models, self.dialects = answer, list(models), list(dialects)
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._log = log
        self._connections: set[socket.socket] = set()
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = False  # so that closing waits for every request to end
        self.port = int(self._http.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cut all connections, and wait for what serves them."""
        self.closing.set()
        self._http.shutdown()
        with self._lock:
            for connection in self._connections:
                _cut(connection)
        self._http.server_close()
        self._thread.join(10)

    def connected(self, connection: socket.socket, on: bool) -> None:
        """Take note of a connection, or of its end."""
        with self._lock:
            (self._connections.add if on else self._connections.discard)(connection)

    def record(self, dialect: Dialect, body: Mapping[str, object]) -> Asked:
        """Take note of a request."""
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        with self._lock:
            asked = Asked(
                dialect=dialect,
                model=str(body.get("model", "")),
                messages=list(_messages(body)),
                schema=_schema(body),
                nth=len(self.asked),
                again=self._seen[digest],
                digest=digest,
                body=body,
                began=time.monotonic(),
            )
            self._seen[digest] += 1
            self.asked.append(asked)
        return asked

    def ended(self, asked: Asked, finished: bool) -> None:
        """Take note that a request is over, and whether its reply was sent whole."""
        asked.finished, asked.ended = finished, time.monotonic()
        if self._log is not None:
            with self._lock, self._log.open("a") as log:
                log.write(asked.line() + "\n")


class _Handler(BaseHTTPRequestHandler):
    """One request, and the connection with it."""

    owner: ModelServer
    timeout = 30.0
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.owner.connected(self.connection, True)

    def finish(self) -> None:
        self.owner.connected(self.connection, False)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:  # the client went away
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path != "/v1/models" or not self.owner.models:
            self._send(404, {"detail": "Not Found"})
            return
        data = [{"id": name, "object": "model"} for name in self.owner.models]
        self._send(200, {"object": "list", "data": data})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        dialect = PATHS.get(urlsplit(self.path).path)  # whole addresses come to a proxy
        if dialect is None or dialect not in self.owner.dialects:
            self._send(404, {"detail": "Not Found"})
            return
        asked, finished = self.owner.record(dialect, body), False
        try:
            said = self.owner.answer(asked)
            finished = self._react(asked, Reaction(said) if isinstance(said, str) else said)
        except OSError:
            self.close_connection = True
        finally:
            self.owner.ended(asked, finished)

    def _react(self, asked: Asked, reaction: Reaction) -> bool:
        """Do what the script says; whether the reply was sent whole."""
        if not self._waited(LONGEST if reaction.kind == "hang" else reaction.delay):
            self.close_connection = True
            return False
        if reaction.kind != "reply":
            return self._misbehave(reaction)
        if reaction.error is not None:
            self._send(reaction.status, {"error": reaction.error}, reaction.headers)
        elif asked.body.get("stream"):
            self._stream(asked, reaction)
        else:
            make = _chat if asked.dialect == "chat" else _response
            self._send(reaction.status, make(asked, reaction), reaction.headers)
        return True

    def _misbehave(self, reaction: Reaction) -> bool:
        self.close_connection = True
        if reaction.kind == "malformed":
            self._raw(200, b'{"choices": [{"message": {"content": "cut', reaction.headers)
            return True
        if reaction.kind == "hang":
            return False
        self.send_response(200)
        if reaction.kind == "drip headers":
            self.flush_headers()
            self._drip(b"x")
            return False
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(10**9))
        self.end_headers()
        if reaction.kind == "break":
            self.wfile.write(reaction.text.encode())
        else:
            self._drip(b" ")
        return False

    def _drip(self, byte: bytes) -> None:
        end = time.monotonic() + LONGEST
        while time.monotonic() < end and not self.owner.closing.wait(DRIP):
            self.wfile.write(byte)
            self.wfile.flush()

    def _waited(self, seconds: float) -> bool:
        """Wait; False if the client goes away, or the server is closed, before the end."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.owner.closing.wait(min(0.02, left)):
                return False
            if select.select([self.connection], [], [], 0)[0] and not self.connection.recv(
                1, socket.MSG_PEEK
            ):
                return False
        return True

    def _send(
        self, status: int, data: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> None:
        self._raw(status, json.dumps(data).encode(), headers or {})

    def _raw(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.close_connection = True  # one request a connection keeps ends simple
        self.send_response(status)
        given = {"Content-Type": "application/json", "x-request-id": "req-test", **headers}
        for name, value in given.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _stream(self, asked: Asked, reaction: Reaction) -> None:
        make = _chat_events if asked.dialect == "chat" else _response_events
        self.close_connection = True
        self.send_response(reaction.status)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in make(asked, reaction):
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
            self.wfile.flush()
        if asked.dialect == "chat":
            self.wfile.write(b"data: [DONE]\n\n")
        self.wfile.flush()


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _messages(body: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    said = body.get("messages", body.get("input"))
    for message in said if isinstance(said, list) else [{"role": "user", "content": said}]:
        content = message.get("content")
        parts = content if isinstance(content, list) else [{"text": content}]
        yield str(message.get("role")), "".join(str(part.get("text", "")) for part in parts)


def _schema(body: Mapping[str, object]) -> str | None:
    form, text = body.get("response_format"), body.get("text")
    if isinstance(text, dict):
        form = {"json_schema": text.get("format")}
    named = form.get("json_schema") if isinstance(form, dict) else None
    return str(named.get("name")) if isinstance(named, dict) else None


def _counts(asked: Asked, reaction: Reaction) -> tuple[int, int]:
    return 4 + len(asked.prompt) // 4, 1 + len(reaction.text) // 4


def _chat_usage(asked: Asked, reaction: Reaction) -> object:
    if reaction.usage != COUNTED:
        return reaction.usage
    taken, made = _counts(asked, reaction)
    return {
        "prompt_tokens": taken,
        "completion_tokens": made,
        "total_tokens": taken + made,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _response_usage(asked: Asked, reaction: Reaction) -> object:
    if reaction.usage != COUNTED:
        return reaction.usage
    taken, made = _counts(asked, reaction)
    return {
        "input_tokens": taken,
        "output_tokens": made,
        "total_tokens": taken + made,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }


def _chat(asked: Asked, reaction: Reaction) -> dict[str, object]:
    declined = reaction.finish == "refused"
    message = {
        "role": "assistant",
        "content": None if declined or reaction.thoughts else reaction.text,
        "refusal": reaction.text if declined else None,
    }
    if reaction.thoughts:
        message["reasoning_content"] = reaction.thoughts
    reason = "length" if reaction.finish == "length" else "stop"
    reply: dict[str, object] = {
        "id": f"chatcmpl-{asked.nth}",
        "object": "chat.completion",
        "created": 0,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }
    if not reaction.choices:
        reply["choices"] = []
    usage = _chat_usage(asked, reaction)
    return reply if usage is None else {**reply, "usage": usage}


def _response(asked: Asked, reaction: Reaction) -> dict[str, object]:
    part: dict[str, object] = {"type": "output_text", "text": reaction.text, "annotations": []}
    if reaction.finish == "refused":
        part = {"type": "refusal", "refusal": reaction.text}
    thoughts = [{"type": "reasoning_text", "text": reaction.thoughts}]
    cut = reaction.finish == "length"
    said = {
        "id": f"msg-{asked.nth}",
        "type": "message",
        "role": "assistant",
        "status": "incomplete" if cut else "completed",
        "content": [part],
    }
    reply: dict[str, object] = {
        "id": f"resp-{asked.nth}",
        "object": "response",
        "created_at": 0,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "model": asked.model,
        "output": [
            {"id": "rs", "type": "reasoning", "summary": [], "content": thoughts},
            *([] if reaction.thoughts or not reaction.choices else [said]),
        ],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
    }
    usage = _response_usage(asked, reaction)
    return reply if usage is None else {**reply, "usage": usage}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), 20):
        yield text[start : start + 20]


def _chat_events(asked: Asked, reaction: Reaction) -> Iterator[dict[str, object]]:
    whole = _chat(asked, reaction)
    frame = {**whole, "object": "chat.completion.chunk"}
    frame.pop("usage", None)
    for piece in _pieces(reaction.text):
        yield {**frame, "choices": [{"index": 0, "delta": {"content": piece}}]}
    reason = "length" if reaction.finish == "length" else "stop"
    yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
    options = asked.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        yield {**frame, "choices": [], "usage": whole.get("usage")}


def _response_events(asked: Asked, reaction: Reaction) -> Iterator[dict[str, object]]:
    whole = _response(asked, reaction)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "sequence_number": 0, "response": begun}
    at = {"item_id": f"msg-{asked.nth}", "output_index": 1, "content_index": 0, "logprobs": []}
    number = 0
    for number, piece in enumerate(_pieces(reaction.text), 1):
        yield {
            "type": "response.output_text.delta",
            "sequence_number": number,
            "delta": piece,
            **at,
        }
    kind = "response.incomplete" if reaction.finish == "length" else "response.completed"
    yield {"type": kind, "sequence_number": number + 1, "response": whole}


def main() -> None:
    """Serve the script of the command line until told to stop."""
    parser = argparse.ArgumentParser(description="a scripted model server on loopback")
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--seconds", type=float, default=LONGEST)
    options = parser.parse_args()
    sys.modules["stand_ins.model_server"] = sys.modules[
        "__main__"
    ]  # what the script imports is this
    answer: Answer = runpy.run_path(str(options.script))["answer"]
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with ModelServer(answer, log=options.log) as server:
        written = options.port_file.with_suffix(".new")
        written.write_text(str(server.port))
        written.replace(options.port_file)
        told.wait(options.seconds)


if __name__ == "__main__":
    main()
