"""The two dialects of the protocol: how a request is written, and how a reply is read.

Compatible servers take only part of it. What one refused is kept in `Traits`, and not sent again.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from .address import Access
from .faults import BAD_REQUEST, NO_SUCH_ROUTE, UNSAID, Fault
from .records import Finish, Request, Usage, tokens_in

Api = Literal["responses", "chat"]
PATHS: Mapping[Api, str] = {"responses": "/responses", "chat": "/chat/completions"}
THOUGHT, THOUGHT_END = "<think>", "</think>"


@dataclass(frozen=True)
class Traits:
    """What a server was found to take: a dialect, schemas, `store`, the newer name of a limit."""

    api: Api
    schema: bool = True
    store: bool = True
    newer_limit: bool = True

    @property
    def other_api(self) -> Api:
        """The dialect that this is not."""
        return "chat" if self.api == "responses" else "responses"


class Reading(NamedTuple):
    """What a reply's body says."""

    text: str
    finish: Finish
    usage: Usage
    model: str


def write(request: Request, traits: Traits) -> dict[str, object]:
    """The JSON body of a request. A schema that the server does not take goes into the prompt."""
    messages = [{"role": m.role, "content": m.content} for m in request.messages]
    asked = traits.schema and request.schema_ is not None
    if request.schema_ is not None and not asked and messages:
        messages[-1] = {**messages[-1], "content": messages[-1]["content"] + _in_words(request)}
    body: dict[str, object] = {"model": request.model}
    if traits.store:
        body["store"] = False
    if request.temperature is not None:
        body["temperature"] = request.temperature
    form = {"name": request.form or "reply", "strict": True, "schema": request.schema_}
    if traits.api == "responses":
        body |= {"input": messages, "max_output_tokens": request.max_output_tokens}
        return body | ({"text": {"format": {"type": "json_schema", **form}}} if asked else {})
    limit = "max_completion_tokens" if traits.newer_limit else "max_tokens"
    body |= {"messages": messages, limit: request.max_output_tokens}
    wanted = {"response_format": {"type": "json_schema", "json_schema": form}}
    return body | (wanted if asked else {})


def adjusted(
    traits: Traits, fault: Fault, request: Request, free: bool, made: frozenset[str]
) -> tuple[Traits, str] | None:
    """The traits to try next after this fault, and the name of what changed; None if it is final.

    `free`: the other dialect may be tried too. Nothing is changed twice (`made`).
    """
    for name, fits, changed in _changes(traits, fault, request, free):
        if fits and name not in made:
            return changed, name
    return None


def _changes(
    traits: Traits, fault: Fault, request: Request, free: bool
) -> Iterator[tuple[str, bool, Traits]]:
    missing = fault.status in NO_SUCH_ROUTE and not fault.blames(request.model)
    yield "api", free and missing, replace(traits, api=traits.other_api)
    bad = fault.status in BAD_REQUEST and not fault.too_long and not fault.declined
    yield "store", bad and traits.store and fault.names("store"), replace(traits, store=False)
    limits = fault.names("max_tokens", "max_completion_tokens") and traits.api == "chat"
    yield "limit", bad and limits, replace(traits, newer_limit=not traits.newer_limit)
    form = traits.schema and request.schema_ is not None and not fault.names("temperature")
    yield "schema", bad and form, replace(traits, schema=False)


def read(api: Api, data: object, request: Request, access: Access) -> Reading | Fault:
    """What a reply says, or the fault that it reports or is. Missing parts are borne."""
    body = _mapping(data)
    if error := body.get("error"):
        return reported(error, access, status=UNSAID)
    found = _responses(body) if api == "responses" else _chat(body)
    if found is None:
        return Fault("garbled", detail=f"JSON without what {PATHS[api]} gives")
    text, finish = found
    text = access.hide(_speech(text).encode("utf-8", "replace").decode().replace("\0", ""))
    if finish == "stop" and not text.strip():
        finish = "refused"
    usage = _usage(_mapping(body.get("usage")), request, text)
    return Reading(text, finish, usage, _text(body.get("model")) or request.model)


def reported(error: object, access: Access, status: int, wait: float | None = None) -> Fault:
    """A fault from an error object, whose own code may be a status if none was said."""
    body = _mapping(error)
    code, detail = body.get("code"), body.get("message") or body.get("detail")
    if isinstance(code, int) and 400 <= code < 600 and status == UNSAID:
        status = code
    detail = error if isinstance(error, str) else detail
    detail = detail if isinstance(detail, str) else json.dumps(detail) if detail else ""
    return Fault(
        "status",
        detail="" if status == 401 else access.detail(detail),  # it may repeat part of the key
        status=status,
        code=f"{code or ''} {_text(body.get('type'))}".strip().lower(),
        param=_text(body.get("param")),
        wait=wait,
    )


def _in_words(request: Request) -> str:
    return (
        "\n\nReply with one JSON object and nothing else. It has to fit this JSON schema:\n"
        + json.dumps(request.schema_, ensure_ascii=False)
    )


def _chat(body: Mapping[str, object]) -> tuple[str, Finish] | None:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    choice = _mapping(choices[0])
    message, reason = _mapping(choice.get("message")), choice.get("finish_reason")
    if refusal := _text(message.get("refusal")):
        return refusal, "refused"
    return _joined(message.get("content")), _finish(reason)


def _responses(body: Mapping[str, object]) -> tuple[str, Finish] | None:
    items = body.get("output")
    if not isinstance(items, list):
        return None
    messages = [m for m in map(_mapping, items) if m.get("type", "message") == "message"]
    parts = [_mapping(p) for m in messages for p in _list(m.get("content"))]
    if refusal := "".join(_text(part.get("refusal")) for part in parts):
        return refusal, "refused"
    text = "".join(_text(part.get("text")) for part in parts)
    if body.get("status") not in ("incomplete", "failed", "cancelled"):
        return text, "stop"
    return text, _finish(_mapping(body.get("incomplete_details")).get("reason") or "length")


def _finish(reason: object) -> Finish:
    if reason in ("length", "max_output_tokens", "max_tokens"):
        return "length"
    return "refused" if reason in ("content_filter", "refusal") else "stop"


def _speech(text: str) -> str:
    """What was said after thinking aloud, which some servers leave in the text."""
    if not text.lstrip().startswith(THOUGHT):
        return text
    return text.partition(THOUGHT_END)[2].lstrip()


def _usage(said: Mapping[str, object], request: Request, text: str) -> Usage:
    """Tokens under the names of either dialect.

    Some servers leave reasoning out of the output, but have it in the total.
    """
    taken = _count(said, "input_tokens", "prompt_tokens")
    made = _count(said, "output_tokens", "completion_tokens")
    if not taken or (text and not made):
        return Usage(
            input_tokens=request.estimate(),
            output_tokens=tokens_in(text),
            estimated=True,
        )
    into = _mapping(said.get("input_tokens_details") or said.get("prompt_tokens_details"))
    out = _mapping(said.get("output_tokens_details") or said.get("completion_tokens_details"))
    thought = _count(out, "reasoning_tokens")
    made = max(made, _count(said, "total_tokens") - taken, thought)
    return Usage(
        input_tokens=taken,
        cached_tokens=min(taken, _count(into, "cached_tokens")),
        output_tokens=made,
        reasoning_tokens=thought,
    )


def _count(said: Mapping[str, object], *names: str) -> int:
    values = [said.get(name) for name in names]
    return max((int(v) for v in values if isinstance(v, int) and v > 0), default=0)


def _joined(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(_text(_mapping(part).get("text")) for part in _list(content))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
