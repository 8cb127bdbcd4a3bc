"""What a model server can do, found out with a few hundred tokens, for `ratchet doctor`."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel

from .address import KEY_VARIABLE, URL_VARIABLE
from .endpoint import Endpoint, nearest
from .faults import Fault, seconds, sentence
from .records import MOST_OUTPUT, Message, ModelError, Reply, Request
from .strict import strict_schema
from .traits import Api

PROBE_SECONDS = 20.0
LIST_SECONDS = 10.0
MOST_TOKENS = 128  # of each reply but one


class Check(NamedTuple):
    """One check of a server: its result, and what to do if it failed."""

    name: str
    ok: bool
    found: str
    mend: str = ""


class _Greeting(BaseModel):
    greeting: str


def probe(endpoint: Endpoint, model: str, limit: float = PROBE_SECONDS) -> list[Check]:
    """Ask the server four small questions, each for `limit` seconds at most. Never raises."""
    try:
        listed = _listed(endpoint, model, min(limit, LIST_SECONDS))
        if not listed.ok and listed.name == "model server":
            return [listed]
        return [listed, *_answers(endpoint, model, limit)]
    except ModelError as error:
        return [Check("model server", False, str(error), f"set {URL_VARIABLE} or {KEY_VARIABLE}")]


def _listed(endpoint: Endpoint, model: str, limit: float) -> Check:
    served = endpoint.models(limit)
    if isinstance(served, Fault):
        if served.status in (0, 401, 403) and served.kind != "garbled":
            problem, _, mend = sentence(served, endpoint.access, model, 1, 0.0, ()).partition(": ")
            return Check("model server", False, problem, mend)
        return Check("models", True, f"{endpoint.access.url} does not list its models")
    if model in served or not served:
        return Check("models", True, f"{len(served)} at {endpoint.access.url}")
    names = ", ".join(nearest(model, served))
    return Check("models", False, f"{model!r} is not among {len(served)}", f"use one of {names}")


def _answers(endpoint: Endpoint, model: str, limit: float) -> Iterator[Check]:
    """The dialects that answer, and of the one that a search would use, the rest."""
    plain = Request(
        model=model,
        messages=(Message("user", "Reply with the one word: ready"),),
        max_output_tokens=MOST_TOKENS,
    )
    apis: tuple[Api, ...] = ("responses", "chat")
    replies = {api: _ask(endpoint, api, plain, limit)[0] for api in apis}
    working: list[Api] = [api for api in apis if isinstance(replies[api], Reply)]
    for api in apis:
        reply = replies[api]
        if isinstance(reply, Reply):
            yield Check(f"{api} API", True, f"answers in {seconds(round(reply.seconds, 1))}")
        else:
            result, _, mend = reply.partition(": ")
            yield Check(f"{api} API", bool(working), result, "" if working else mend)
    if working:
        api = endpoint.prefers if endpoint.prefers in working else working[0]
        yield _structured(endpoint, api, model, limit)
        yield _longest(endpoint, api, plain, limit)
        chosen = replies[api]
        assert isinstance(chosen, Reply)
        yield _usage(chosen)


def _structured(endpoint: Endpoint, api: Api, model: str, limit: float) -> Check:
    """Whether a schema binds the model, though the prompt asks for something else."""
    asked = Request(
        model=model,
        messages=(Message("user", "Greet me in a short sentence, without any JSON."),),
        form="greeting",
        schema_=strict_schema(_Greeting),
        max_output_tokens=MOST_TOKENS,
    )
    reply, described = _ask(endpoint, api, asked, limit)
    name = "structured output"
    if isinstance(reply, str):
        return Check(name, True, "could not be tried", reply)
    if described["structured output"] == "no":
        return Check(name, True, "refused: schemas go into the prompt, and replies are checked")
    try:
        _Greeting.model_validate_json(reply.text)
    except ValueError:
        return Check(name, True, "not kept to: replies are checked, and asked for again")
    return Check(name, True, "kept to")


def _longest(endpoint: Endpoint, api: Api, plain: Request, limit: float) -> Check:
    """Whether the server takes the limit of a reply that a search asks for."""
    asked = plain.model_copy(update={"max_output_tokens": MOST_OUTPUT})
    reply, described = _ask(endpoint, api, asked, limit)
    name = "reply limit"
    if isinstance(reply, str):
        return Check(name, True, f"{MOST_OUTPUT} tokens could not be tried", reply)
    if not described["limits"]:
        return Check(name, True, f"takes the {MOST_OUTPUT} tokens that a search asks for")
    limits = f"takes {described['limits']}, and not {MOST_OUTPUT} a reply: a search keeps to that"
    return Check(name, True, limits)


def _usage(reply: Reply) -> Check:
    if reply.usage.estimated:
        return Check("usage", True, "not reported: tokens are estimated from characters")
    return Check("usage", True, "reported")


def _ask(
    endpoint: Endpoint, api: Api, request: Request, limit: float
) -> tuple[Reply | str, dict[str, str]]:
    """The reply, or why there is none; and what this dialect was found to take."""
    with Endpoint(endpoint.access, api, limit, patience_seconds=0) as one:
        try:
            reply: Reply | str = one.complete(request)
        except ModelError as error:
            reply = str(error)
        if isinstance(reply, Reply) and not reply.answered:
            reply = f"the model server at {one.access.url} refuses the request ({reply.why})"
            reply += ": mend what it names, or use another model"
        return reply, one.describe()
