"""The two dialects of the protocol: how a request is written, and how a reply is read.

Compatible servers take only part of it: what one is sent follows from its `Traits`.
"""

import json
from collections.abc import Mapping
from typing import NamedTuple

from .address import Access
from .faults import UNSAID, Fault
from .records import Finish, Request, Usage
from .traits import Api, Traits
from .usage import counted

PATHS: Mapping[Api, str] = {"responses": "/responses", "chat": "/chat/completions"}
THOUGHT, THOUGHT_END = "<think>", "</think>"
THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought", "reasoning_details")
COUNTS = ("n_prompt_tokens", "n_ctx")  # llama.cpp gives these beside its words
LONGEST_SAID = 2000  # characters of an error that are looked through
CUT = {"length", "max_output_tokens", "max_tokens", "model_length"}
DECLINED = {
    "content_filter", "refusal", "safety", "prohibited_content", "blocklist", "recitation",
    "sensitive", "error",
}  # fmt: skip


class Reading(NamedTuple):
    """The content of a reply's body. The last three fields are as in `Reply`."""

    text: str
    finish: Finish
    usage: Usage
    model: str
    why: str = ""
    answered: bool = True
    thoughts: str = ""


class _Said(NamedTuple):
    """The fields of a dialect's body; `reason` is why the reply ended, in the server's word."""

    text: str
    finish: Finish
    reason: str = ""
    thoughts: str = ""


def write(request: Request, traits: Traits) -> dict[str, object]:
    """The JSON body of a request. A schema that the server does not take goes into the prompt."""
    messages = [{"role": m.role, "content": m.content} for m in request.messages]
    asked, most = traits.takes(request), traits.limit(request)
    if request.schema_ is not None and not asked and messages:
        messages[-1] = {**messages[-1], "content": messages[-1]["content"] + _in_words(request)}
    body: dict[str, object] = {"model": request.model}
    if traits.store:
        body["store"] = False
    if request.temperature is not None:
        body["temperature"] = request.temperature
    form = {"name": request.form or "reply", "strict": True, "schema": request.schema_}
    if traits.api == "responses":
        body |= {"input": messages, "max_output_tokens": most}
        return body | ({"text": {"format": {"type": "json_schema", **form}}} if asked else {})
    limit = "max_completion_tokens" if traits.newer_limit else "max_tokens"
    body |= {"messages": messages, limit: most}
    wanted = {"response_format": {"type": "json_schema", "json_schema": form}}
    return body | (wanted if asked else {})


def read(api: Api, data: object, request: Request, access: Access) -> Reading | Fault:
    """The content of a reply, or the fault that it reports or is. Parts may be missing."""
    body = _mapping(data)
    if error := body.get("error"):
        return reported(error, access, status=UNSAID)
    answer = _responses(body) if api == "responses" else _chat(body)
    if answer is None:
        return Fault("garbled", detail=f"JSON without what {PATHS[api]} gives")
    text, thoughts = _speech(_clear(answer.text, access), _clear(answer.thoughts, access))
    finish = answer.finish
    if finish == "stop" and not text.strip():
        finish = "refused"
    usage = counted(_mapping(body.get("usage")), request, text or thoughts)
    reason = f"finish reason {answer.reason!r}" if answer.reason else "no finish reason"
    return Reading(
        text,
        finish,
        usage,
        _text(body.get("model")) or request.model,
        why="" if finish == "stop" else access.detail(reason),
        thoughts="" if text.strip() else thoughts,
    )


def reported(error: object, access: Access, status: int, wait: float | None = None) -> Fault:
    """A fault from an error object, whose own code may be a status if none was said."""
    body = _mapping(error)
    code, detail = body.get("code"), body.get("message") or body.get("detail")
    if isinstance(code, int) and 400 <= code < 600 and status == UNSAID:
        status = code
    detail = error if isinstance(error, str) else detail
    detail = detail if isinstance(detail, str) else json.dumps(detail) if detail else ""
    counts = [f"{name}={body[name]}" for name in COUNTS if isinstance(body.get(name), int)]
    if status == 401:
        detail = ""  # it may repeat part of the key
    return Fault(
        "status",
        detail=access.detail(detail),
        said=access.detail(" ".join([detail, *counts]), LONGEST_SAID),
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


def _chat(body: Mapping[str, object]) -> _Said | None:
    choices = body.get("choices")
    if not isinstance(choices, list) and ("choices" not in body or choices is not None):
        return None
    if not choices:  # what some servers give for a reply that was filtered
        return _Said("", "refused", "no choices")
    choice = _mapping(choices[0])
    message, reason = _mapping(choice.get("message")), _text(choice.get("finish_reason"))
    if refusal := _text(message.get("refusal")):
        return _Said(refusal, "refused", reason)
    content = message.get("content")
    thoughts = next(filter(None, (_thought(message.get(name)) for name in THOUGHTS)), "")
    return _Said(_joined(content), _finish(reason), reason, thoughts or _thought(content))


def _responses(body: Mapping[str, object]) -> _Said | None:
    items = body.get("output")
    if not isinstance(items, list):
        return None
    entries = [_mapping(item) for item in items]
    messages = [m for m in entries if m.get("type", "message") == "message"]
    parts = [_mapping(p) for m in messages for p in _list(m.get("content"))]
    if refusal := "".join(_text(part.get("refusal")) for part in parts):
        return _Said(refusal, "refused", "refusal")
    text = "".join(_text(part.get("text")) for part in parts)
    thoughts = "".join(
        _joined(entry.get("content")) for entry in entries if entry.get("type") == "reasoning"
    )
    status = body.get("status")
    if status not in ("incomplete", "failed", "cancelled"):
        return _Said(text, "stop", _text(status), thoughts)
    if status != "incomplete":
        return _Said(text, "refused", _text(status), thoughts)
    reason = _text(_mapping(body.get("incomplete_details")).get("reason")) or "length"
    return _Said(text, _finish(reason), reason, thoughts)


def _finish(reason: str) -> Finish:
    if reason.lower() in CUT:
        return "length"
    return "refused" if reason.lower() in DECLINED else "stop"


def _speech(text: str, thoughts: str) -> tuple[str, str]:
    """A reply's text, and the thoughts before it, which some servers leave in the text."""
    if not text.lstrip().startswith(THOUGHT):
        return text, thoughts
    aloud, _, spoken = text.partition(THOUGHT_END)
    return spoken.lstrip(), thoughts or aloud.lstrip().removeprefix(THOUGHT)


def _clear(text: str, access: Access) -> str:
    """A text that can be stored, without secrets."""
    return access.hide(text.encode("utf-8", "replace").decode().replace("\0", ""))


def _thought(value: object) -> str:
    """Thoughts, as a text, or in parts of which those that are no answer count."""
    if isinstance(value, str):
        return value
    parts = [_mapping(part) for part in _list(value)]
    inner = [part.get("thinking") or part.get("reasoning") or part.get("summary") for part in parts]
    texts = [_text(part.get("text")) if part.get("type") != "text" else "" for part in parts]
    return "".join(_thought_of(one) or other for one, other in zip(inner, texts, strict=True))


def _thought_of(value: object) -> str:
    return value if isinstance(value, str) else _joined(value)


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
