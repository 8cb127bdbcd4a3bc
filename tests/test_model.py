"""The model port, against a real server on loopback that does what real ones do on bad days."""

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from conftest import environment
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue, RootModel
from stand_ins.model_server import (
    Asked,
    ModelServer,
    Reaction,
    broken,
    choiceless,
    dripping,
    failing,
    hanging,
    malformed,
    refused,
    refusing_schemas,
    saying,
    thinking,
    truncated,
)

from ratchet.agents.llm import (
    Access,
    Endpoint,
    Message,
    ModelError,
    Request,
    Usage,
    cost,
    estimate_tokens,
    parse_price,
    parse_reply,
    price,
    probe,
    strict_schema,
)

KEY = "sk-canary-5d41402abc4b2a76b9719d91"
APIS: list[Literal["responses", "chat"]] = ["responses", "chat"]


class Edit(BaseModel):
    path: str
    lines: list[str] = Field(default=[], max_length=3)


class Plan(BaseModel):
    """A form with forms in it."""

    idea: str = Field(description="in one sentence", min_length=1)
    edit: Edit = Field(description="what to change")
    risk: Literal["low", "high"] | None = None


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OPENAI_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@contextmanager
def serving(
    answer: Callable[[Asked], Reaction | str] | Reaction | str, **options: Any
) -> Iterator[tuple[ModelServer, Endpoint]]:
    """A server that answers so, and an endpoint with little patience connected to it."""
    chosen = answer if callable(answer) else lambda asked: answer
    served = {name: options.pop(name) for name in ("models", "dialects") if name in options}
    limits = {"timeout_seconds": 5.0, "patience_seconds": 5.0, **options}
    with (
        ModelServer(chosen, **served) as server,
        Endpoint(Access.parse(server.url, KEY), **limits) as endpoint,
    ):
        yield server, endpoint


def asking(text: str = "hello", form: type[BaseModel] | None = None, **options: Any) -> Request:
    if form is not None:
        options |= {"form": form.__name__, "schema_": strict_schema(form)}
    messages = (Message("system", "Be brief."), Message("user", text))
    return Request(model="test-model", messages=messages, **options)


# --- two dialects behind one call


@pytest.mark.parametrize("api", APIS)
def test_a_reply_is_the_same_in_either_dialect(api: Literal["responses", "chat"]) -> None:
    usage = {
        "responses": {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 40},
            "output_tokens": 30,
            "output_tokens_details": {"reasoning_tokens": 20},
        },
        "chat": {
            "prompt_tokens": 100,
            "prompt_tokens_details": {"cached_tokens": 40},
            "completion_tokens": 30,
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
    }[api]
    with serving(saying("hi").with_usage(usage), api=api) as (server, endpoint):
        reply = endpoint.complete(asking())
    expected = Usage(input_tokens=100, cached_tokens=40, output_tokens=30, reasoning_tokens=20)
    assert (reply.text, reply.finish, reply.usage) == ("hi", "stop", expected)
    assert (reply.model, reply.request_id, reply.retries) == ("test-model", "req-test", 0)
    assert 0 < reply.seconds < 5
    [asked] = server.asked
    assert asked.dialect == api
    assert asked.messages == [("system", "Be brief."), ("user", "hello")]
    assert asked.body["store"] is False
    assert {"previous_response_id", "temperature", "stream"}.isdisjoint(asked.body)


@pytest.mark.parametrize("api", APIS)
def test_auto_finds_the_dialect_that_a_server_has_and_remembers_it(
    api: Literal["responses", "chat"],
) -> None:
    with serving("hi", dialects=[api]) as (server, endpoint):
        assert endpoint.describe()["api"] == "auto"
        for _ in range(3):
            assert endpoint.complete(asking()).text == "hi"
        assert endpoint.describe()["api"] == api
        assert [asked.dialect for asked in server.asked] == [api] * 3


@pytest.mark.parametrize("status", [405, 501])
def test_auto_falls_back_where_a_dialect_is_declined(status: int) -> None:
    with serving(lambda a: failing(status) if a.dialect == "chat" else "hi") as (server, endpoint):
        assert [endpoint.complete(asking()).text for _ in range(2)] == ["hi", "hi"]
        assert [a.dialect for a in server.asked] == ["chat", "responses", "responses"]


def test_responses_come_first_at_openai() -> None:
    with Endpoint(Access.parse("https://api.openai.com/v1", KEY)) as endpoint:
        assert endpoint.prefers == "responses"


def test_a_chosen_dialect_is_kept_to() -> None:
    with (
        serving("hi", dialects=["responses"], models=[], api="chat") as (server, endpoint),
        pytest.raises(ModelError, match=r"has no such API there \(HTTP 404.*ends .* in /v1"),
    ):
        endpoint.complete(asking())
    assert server.asked == []


def test_a_temperature_is_sent_only_if_set() -> None:
    with serving("hi") as (server, endpoint):
        endpoint.complete(asking(temperature=0.5))
        assert server.asked[0].body["temperature"] == 0.5


def test_the_limit_takes_the_name_that_the_server_knows() -> None:
    def answer(asked: Asked) -> Reaction | str:
        if "max_tokens" in asked.body:
            return failing(400, "Unsupported parameter: 'max_tokens'", param="max_tokens")
        return "hi"

    with serving(answer) as (server, endpoint):
        for _ in range(2):
            assert endpoint.complete(asking(max_output_tokens=99)).text == "hi"
        assert [asked.body.get("max_completion_tokens") for asked in server.asked] == [None, 99, 99]


def test_store_is_not_sent_again_where_it_is_refused() -> None:
    def answer(asked: Asked) -> Reaction | str:
        return failing(422, "extra field: store") if "store" in asked.body else "hi"

    with serving(answer) as (server, endpoint):
        assert [endpoint.complete(asking()).text for _ in range(2)] == ["hi", "hi"]
        assert len(server.asked) == 3


# --- forms


@pytest.mark.parametrize("api", APIS)
def test_a_schema_is_sent_strict_and_closed(api: Literal["responses", "chat"]) -> None:
    with serving('{"idea": "x"}', api=api) as (server, endpoint):
        endpoint.complete(asking(form=Plan))
        assert endpoint.describe()["structured output"] == "yes"
    [asked] = server.asked
    body: Any = asked.body
    form = body["text"]["format"] if api == "responses" else body["response_format"]["json_schema"]
    assert (asked.schema, form["strict"]) == ("Plan", True)
    assert form["schema"] == strict_schema(Plan)


@pytest.mark.parametrize("api", APIS)
def test_a_refused_schema_goes_into_the_prompt_from_then_on(
    api: Literal["responses", "chat"],
) -> None:
    def answer(asked: Asked) -> Reaction | str:
        return refusing_schemas() if asked.schema else '{"path": "a", "lines": []}'

    with serving(answer, api=api) as (server, endpoint):
        for _ in range(2):
            reply = endpoint.complete(asking(form=Edit))
            assert parse_reply(Edit, reply.text) == Edit(path="a")
        assert endpoint.describe()["structured output"] == "no"
        assert [asked.schema for asked in server.asked] == ["Edit", None, None]
        assert '"additionalProperties": false' in server.asked[1].prompt


def test_what_fails_without_a_schema_too_is_not_blamed_on_it() -> None:
    bad = [True]
    with serving(lambda asked: failing(400, "no") if bad[0] else "hi") as (server, endpoint):
        refusal = endpoint.complete(asking(form=Edit))
        assert (refusal.answered, refusal.why) == (False, "HTTP 400: no")
        bad[0] = False
        endpoint.complete(asking(form=Edit))
        assert [asked.schema for asked in server.asked] == ["Edit", None, "Edit"]


def test_strict_schemas_are_closed_at_every_level() -> None:
    schema: Any = strict_schema(Plan)
    assert schema["required"] == ["idea", "edit", "risk"]
    assert schema["$defs"]["Edit"]["required"] == ["path", "lines"]
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["Edit"]["additionalProperties"] is False
    assert schema["properties"]["edit"] == {
        "anyOf": [{"$ref": "#/$defs/Edit"}],
        "description": "what to change",
    }
    assert "default" not in json.dumps(schema)
    assert "minLength" not in json.dumps(schema)


class Tree(BaseModel):
    name: str
    children: list["Tree"]


def test_a_form_may_hold_itself() -> None:
    schema: Any = strict_schema(Tree)
    assert schema["type"] == "object"
    assert schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


class Scores(BaseModel):
    scores: dict[str, float]


class Anything(BaseModel):
    value: JsonValue


class Deep(BaseModel):
    inner: list[Scores]


class Pair(BaseModel):
    pair: tuple[int, str]


Names = RootModel[list[str]]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (Scores, r"Scores\.scores maps names to values.*use a list"),
        (Deep, r"Scores\.scores maps names"),
        (Anything, "may be anything.*give its type"),
        (Pair, r"Pair\.pair is a tuple"),
        (Names, "is no object"),
    ],
)
def test_a_form_that_no_strict_schema_can_say_is_refused(form: type[BaseModel], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        strict_schema(form)


EDIT = '{"path": "a.py", "lines": ["x = {1}", "y"]}'


@pytest.mark.parametrize(
    "text",
    [
        EDIT,
        f"\n```json\n{EDIT}\n```\n",
        f"Here is {{the}} edit:\n{EDIT}\nGood luck with it {{}}.",
        f'<think>maybe {{"path": "no"}}, or {EDIT}?</think>\n{EDIT}',
        f'Instead of {{"path": 3}}:\n```\n{EDIT}\n```',
        f"{EDIT} I repeat: {EDIT}",
    ],
)
def test_one_object_is_found_in_a_fence_or_prose(text: str) -> None:
    assert parse_reply(Edit, text) == Edit(path="a.py", lines=["x = {1}", "y"])


def test_line_breaks_in_strings_are_borne() -> None:
    assert parse_reply(Edit, '{"path": "a\nb", "lines": []}').path == "a\nb"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I would rather not.", "no complete JSON object.*it has no '{'"),
        ('{"path": "a", "lines": ["x"', "no complete JSON object.*line 1"),
        ('{"lines": []}', "does not fit Edit: path: Field required"),
        ('{"path": 1, "lines": [2]}', r"path: .*string; lines\.0: .*string"),
        ("[1, 2]", "does not fit Edit: the whole"),
        ('{"path": "a"} {"path": "b"}', "2 different JSON objects fit Edit: give one"),
        ('{"a":' * 100_000, "no complete JSON object.*nested too deeply"),
        ("{" * 100_000, "no complete JSON object"),
    ],
)
def test_what_is_wrong_with_a_reply_is_said_shortly(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_reply(Edit, text)
    assert len(str(caught.value)) < 500


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(parse_reply(Edit, text), Edit)


# --- replies that are none, and usage


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("reaction", "finish", "text"),
    [
        (truncated('{"path": "a"'), "length", '{"path": "a"'),
        (truncated(""), "length", ""),
        (refused("I cannot help."), "refused", "I cannot help."),
        (saying(""), "refused", ""),
        (saying(" \n"), "refused", " \n"),
        (failing(400, "the prompt was blocked", code="content_filter"), "refused", None),
        (failing(400, "prompt is too long: 5000 tokens > 4096 maximum"), "length", ""),
        (choiceless(), "refused", ""),
        (thinking("hm"), "refused", ""),
        (thinking("hm", "length"), "length", ""),
        (Reaction(error={"message": "no", "code": "invalid_prompt"}), "refused", "no"),
        (failing(413, "Request Entity Too Large"), "length", ""),
    ],
)
def test_an_unfinished_reply_is_never_a_success(
    api: Literal["responses", "chat"], reaction: Reaction, finish: str, text: str | None
) -> None:
    with serving(reaction, api=api) as (server, endpoint):
        reply = endpoint.complete(asking(form=Edit))
        assert reply.finish == finish
        assert text is None or reply.text == text
        assert len(server.asked) == 1


def test_thinking_aloud_is_no_part_of_the_text() -> None:
    with serving("<think>\nhm\n</think>\n\nyes") as (_, endpoint):
        assert endpoint.complete(asking()).text == "yes"


def test_text_can_always_be_stored() -> None:
    with serving(lambda asked: saying("a\ud800b\0c")) as (_, endpoint):
        assert endpoint.complete(asking()).text.encode() == b"a?bc"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"prompt_tokens": None, "input_tokens": "many"},
        {"input_tokens": -5},
        *(
            {"prompt_tokens": bad, "completion_tokens": bad, "input_tokens": bad, "total_tokens": 9}
            for bad in (True, 12.5, 7.0, "9", 10**30, [3], None)
        ),
    ],
)
def test_usage_that_is_missing_is_estimated(
    api: Literal["responses", "chat"], said: dict[str, object] | None
) -> None:
    with serving(saying("four words of text").with_usage(said), api=api) as (_, endpoint):
        usage = endpoint.complete(asking("a longer question")).usage
    assert usage.estimated
    assert usage.input_tokens == estimate_tokens(asking("a longer question").messages)
    assert 4 <= usage.output_tokens <= 18


def test_usage_without_details_counts_all_that_was_billed() -> None:
    """Some servers keep reasoning out of the output, and only the total tells."""
    said = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45}
    with serving(saying("hi").with_usage(said)) as (_, endpoint):
        usage = endpoint.complete(asking()).usage
    assert usage == Usage(input_tokens=10, output_tokens=35)


# --- retries and deadlines


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "reaction",
    [
        failing(408),
        failing(409),
        failing(429, code="rate_limit_exceeded"),
        failing(500),
        failing(503),
        failing(529),
        broken(),
        malformed(),
        Reaction(status=200, error={"code": 502, "message": "the provider is down"}),
    ],
)
def test_what_may_pass_is_tried_again(
    api: Literal["responses", "chat"], reaction: Reaction
) -> None:
    with serving(lambda a: reaction if a.nth == 0 else "hi", api=api) as (server, endpoint):
        reply = endpoint.complete(asking())
        assert (reply.text, reply.retries, len(server.asked)) == ("hi", 1, 2)
        _until(lambda: server.asked[1].finished)  # the server notes it after the client has it
        assert server.asked[0].finished == (reaction.kind != "break")
        assert server.asked[0].digest == server.asked[1].digest
        assert server.asked[1].again == 1


@pytest.mark.parametrize("name", ["Retry-After", "retry-after-ms", "date"])
def test_the_wait_that_a_server_asks_for_is_kept(name: str) -> None:
    header = {
        "Retry-After": {"Retry-After": "1"},
        "retry-after-ms": {"retry-after-ms": "1000", "Retry-After": "60"},
        "date": {"Retry-After": formatdate(time.time() + 2.5, usegmt=True)},
    }[name]
    late = failing(429, headers=header)
    with serving(lambda a: late if a.nth == 0 else "hi") as (server, endpoint):
        endpoint.complete(asking())
        assert 1.0 <= server.asked[1].began - server.asked[0].ended < 3.5


def test_a_wait_beyond_patience_is_not_begun() -> None:
    with serving(failing(429, headers={"Retry-After": "3600"})) as (server, endpoint):
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"asks to wait 3600 s .* beyond patience"):
            endpoint.complete(asking())
        assert time.monotonic() - began < 2
        assert len(server.asked) == 1


def test_waiting_ends_when_patience_does() -> None:
    with serving(failing(503), patience_seconds=1.0) as (_, endpoint):
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"still cannot answer after 2 tries .*HTTP 503"):
            endpoint.complete(asking())
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("reaction", "words"),
    [
        (failing(400, "API key not valid"), r"refuses the request \(HTTP 400: API key not valid\)"),
        (failing(400, "Your credit balance is too low"), "out of quota or credit"),
        (failing(400, "The model test-model does not exist"), r"refuses the request"),
        (failing(400, "Unsupported value: 'temperature'", param="temperature"), "temperature"),
        (failing(403, "this account is blocked"), "forbids this"),
        (failing(401, f"Incorrect API key: {KEY}"), r"refuses the key .*set OPENAI_API_KEY"),
        (failing(402, "no credits"), "out of quota or credit"),
        (failing(403, "not in your region"), "forbids this .*not in your region"),
        (failing(404, "No model test-model", code="model_not_found"), "such as other-1, other-2"),
        (failing(404, "no such thing"), "has no model 'test-model': use .* other-1, other-2"),
        (failing(429, code="insufficient_quota"), "out of quota or credit .*add credit"),
        (failing(429, code="billing_hard_limit_reached"), "out of quota or credit"),
        (failing(429, type="insufficient_quota"), "out of quota or credit"),
    ],
)
def test_what_cannot_pass_is_said_at_once(reaction: Reaction, words: str) -> None:
    with serving(reaction, models=["other-1", "other-2"], api="chat") as (server, endpoint):
        with pytest.raises(ModelError, match=words) as caught:
            endpoint.complete(asking())
        assert len(server.asked) == 1
        assert server.url in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 3


def test_a_dead_port_is_named_with_its_mend() -> None:
    with ModelServer(lambda asked: "hi") as server:
        url = server.url
    with (
        Endpoint(Access.parse(url, KEY), patience_seconds=0.7) as endpoint,
        pytest.raises(ModelError, match=rf"{url} \(connection refused; 2 tries\).*OPENAI_BASE_URL"),
    ):
        endpoint.complete(asking())


def test_a_page_that_is_no_api_is_named_with_its_mend() -> None:
    with (
        serving(malformed(), patience_seconds=0) as (_, endpoint),
        pytest.raises(ModelError, match=r"no model's reply .*ends where its API begins"),
    ):
        endpoint.complete(asking())


@pytest.mark.parametrize(
    "reaction", [hanging(), dripping(), dripping(headers=True), saying("late").after(30)]
)
def test_a_request_ends_at_its_deadline_whatever_the_server_does(reaction: Reaction) -> None:
    with serving(reaction, timeout_seconds=0.6) as (server, endpoint):
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"did not finish .* in time \(0\.[1-6] s; 2 tries\)"):
            endpoint.complete(asking())
        assert 1.2 <= time.monotonic() - began < 4
        _until(lambda: all(asked.ended for asked in server.asked))  # the connections were closed
        assert [asked.finished for asked in server.asked] == [False, False]


def test_one_slow_answer_is_asked_for_once_more() -> None:
    first = dripping()
    with serving(lambda a: first if a.nth == 0 else "hi", timeout_seconds=0.6) as (_, endpoint):
        reply = endpoint.complete(asking())
    assert (reply.text, reply.retries) == ("hi", 1)


def test_an_interrupted_request_is_taken_back() -> None:
    """Ctrl-C leaves no request running at a server that may charge for it."""
    program = (
        "import signal, sys, time\n"
        "from ratchet.agents.llm import *\n"
        # What a job in the background starts would ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "endpoint = Endpoint(Access.parse(sys.argv[1]))\n"
        "try:\n"
        "    endpoint.complete(Request(model='m', messages=(Message('user', 'hi'),)))\n"
        "except KeyboardInterrupt:\n"
        "    time.sleep(30)\n"
    )
    with (
        ModelServer(lambda asked: hanging()) as server,
        subprocess.Popen([sys.executable, "-c", program, server.url]) as client,
    ):
        try:
            _until(lambda: bool(server.asked), 20)
            client.send_signal(signal.SIGINT)
            _until(lambda: server.asked[0].ended > 0)
            assert client.poll() is None
        finally:
            client.kill()


def test_closing_ends_what_waits() -> None:
    for reaction in (hanging(), failing(503, headers={"Retry-After": "20"})):
        options = {"timeout_seconds": 30.0, "patience_seconds": 30.0}
        with serving(reaction, **options) as (server, endpoint), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(endpoint.complete, asking())
            _until(lambda: bool(server.asked))
            endpoint.close()
            with pytest.raises(ModelError, match="closed"):
                waiting.result(10)
            with pytest.raises(ModelError, match="closed"):
                endpoint.complete(asking())


def test_no_request_slips_in_behind_a_closing_connection() -> None:
    """It would wait for its whole time, and the process with it."""
    with serving(failing(400, "no"), timeout_seconds=30.0) as (server, endpoint):

        def ask_on() -> None:
            for _ in range(500):
                endpoint.complete(asking())

        with ThreadPoolExecutor(8) as pool:
            asking_on = [pool.submit(ask_on) for _ in range(8)]
            _until(lambda: len(server.asked) > 20)
            began = time.monotonic()
            endpoint.close()
            for each in asking_on:
                with pytest.raises(ModelError, match="closed"):
                    each.result(10)
        assert time.monotonic() - began < 8


def test_eight_threads_are_answered_side_by_side() -> None:
    together = threading.Barrier(8, timeout=20)

    def answer(asked: Asked) -> str:
        together.wait()
        text: str = asked.messages[-1][1]
        return text.upper()

    with serving(answer, timeout_seconds=30.0) as (server, endpoint), ThreadPoolExecutor(8) as pool:
        texts = [f"question {n}" for n in range(32)]
        replies = list(pool.map(lambda text: endpoint.complete(asking(text)), texts))
        assert [reply.text for reply in replies] == [text.upper() for text in texts]
        assert sorted(asked.nth for asked in server.asked) == list(range(32))


# --- secrets


PASSWORD, HEADER = "a-password-of-length", "a-header-of-some-length"
ECHO = f"you sent Bearer {KEY} with {PASSWORD} and {HEADER}"


@pytest.mark.parametrize("user", ["", f"user:{PASSWORD}@"])
def test_no_key_or_password_gets_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"X-Team: {HEADER}\nX-Other: {PASSWORD}")
    statuses = (400, 401, 403, 404, 422, 500)
    reactions = [
        saying(ECHO),
        refused(ECHO),
        *(failing(status, ECHO, code=ECHO, param=ECHO) for status in statuses),
        failing(400, ECHO, code="content_filter"),
        failing(429, ECHO, code="insufficient_quota"),
        Reaction(status=200, error={"message": ECHO}),
        malformed(),
        hanging(),
        broken(),
    ]
    told: list[str] = []
    with ModelServer(lambda asked: reactions[asked.nth % len(reactions)], models=[KEY]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url.replace("//", f"//{user}"))
        with Endpoint.from_environment("chat", 0.3, patience_seconds=0) as endpoint:
            for _ in reactions:
                told += _told(lambda: repr(endpoint.complete(asking())))
            told += [repr(endpoint), repr(endpoint.access), json.dumps(endpoint.describe())]
            told += _told(lambda: repr(probe(endpoint, "test-model", 0.3)))
        assert len(server.asked) > len(reactions)
    told += [record.getMessage() for record in caplog.records] + [caplog.text]
    assert any("[hidden]" in each for each in told)
    for each in told:
        for secret in (KEY, KEY[:20], PASSWORD, HEADER):
            assert secret not in each


def test_a_key_in_the_url_opens_the_server_but_is_shown_nowhere() -> None:
    access = Access.parse("http://user:pass%20word-secret@localhost:1/v1/", "")
    assert access.url == "http://localhost:1/v1"
    assert access.headers["Authorization"].startswith("Basic ")
    assert "secret" not in repr(access)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000", "begins with http:// or https://"),
        ("ftp://host/v1", "begins with http:// or https://"),
        ("http://", "begins with http:// or https://"),
        ("http://host:port/v1", "begins with http:// or https://"),
        ("http://[::1/v1", "begins with http:// or https://"),
        (f"http://host/v1?key={KEY}", "take it out of OPENAI_BASE_URL"),
    ],
)
def test_a_bad_address_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(ModelError, match=words) as caught:
        Endpoint.from_environment()
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "key", ["sk canary 1234567890", "sk-canary\n1234567890", "sk-canäry-12345"]
)
def test_a_bad_key_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="OPENAI_API_KEY holds characters") as caught:
        Endpoint.from_environment()
    assert "12345" not in "".join(traceback.format_exception(caught.value))


def test_openai_needs_a_key_and_other_servers_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"set OPENAI_API_KEY for .*or OPENAI_BASE_URL"):
        Endpoint.from_environment()
    with ModelServer(lambda asked: "hi") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with Endpoint.from_environment() as endpoint:
            assert endpoint.complete(asking()).text == "hi"


def test_unusable_proxy_settings_are_named_without_repeating_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"gopher://user:{KEY}@proxy:1")
    with pytest.raises(ModelError, match="proxy or header settings") as caught:
        Endpoint(Access.parse("http://model.example/v1"))
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_what_is_slow_to_import_is_imported_only_where_it_is_used() -> None:
    code = "import sys, ratchet.agents.llm; print({'openai', 'genai_prices'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "set()\n"


# --- the doctor's questions


def test_probe_finds_all_well() -> None:
    def answer(asked: Asked) -> str:
        return '{"greeting": "hi"}' if asked.schema else "ready"

    with serving(answer) as (server, endpoint):
        checks = {name: (ok, found) for name, ok, found, _ in probe(endpoint, "test-model")}
        assert all(ok for ok, _ in checks.values())
        assert list(checks) == [
            "models",
            "responses API",
            "chat API",
            "structured output",
            "reply limit",
            "usage",
        ]
        assert checks["structured output"][1] == "kept to"
        assert checks["usage"][1] == "reported"
        assert checks["reply limit"][1] == "takes the 8192 tokens that a search asks for"
        limits = [a.body.get("max_tokens", a.body.get("max_output_tokens")) for a in server.asked]
        assert limits == [128, 128, 128, 8192]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda a: refusing_schemas() if a.schema else "hi", "refused: schemas go into the prompt"),
        (lambda a: "Hello!", "not kept to"),
        (lambda a: hanging() if a.schema else "hi", "could not be tried"),
    ],
)
def test_probe_says_what_becomes_of_schemas(
    answer: Callable[[Asked], Reaction | str], found: str
) -> None:
    with serving(answer, dialects=["chat"]) as (_, endpoint):
        checks = {check.name: check for check in probe(endpoint, "test-model", 0.5)}
    assert checks["structured output"].found.startswith(found)
    assert checks["responses API"].ok
    assert "HTTP 404" in checks["responses API"].found


def test_probe_says_that_usage_is_estimated() -> None:
    with serving(saying("hi").with_usage(None), models=[]) as (_, endpoint):
        checks = {check.name: check for check in probe(endpoint, "test-model")}
    assert checks["usage"].found.startswith("not reported")
    assert "does not list" in checks["models"].found


def test_probe_names_models_that_there_are() -> None:
    with serving("hi", models=["test-model-2", "zebra"]) as (_, endpoint):
        check = probe(endpoint, "test-model")[0]
    assert (check.ok, check.mend) == (False, "use one of test-model-2, zebra")


@pytest.mark.parametrize(
    "reaction", [hanging(), dripping(), failing(401), failing(500), malformed(), broken()]
)
def test_probe_is_bounded_and_never_raises(reaction: Reaction) -> None:
    with serving(reaction) as (_, endpoint):
        began = time.monotonic()
        checks = probe(endpoint, "test-model", 0.5)
        assert time.monotonic() - began < 6
    assert not any(check.ok for check in checks if check.name.endswith("API"))
    assert all(check.mend for check in checks if not check.ok)


def test_probe_of_a_dead_port_is_one_check() -> None:
    with ModelServer(lambda asked: "hi") as server:
        url = server.url
    with Endpoint(Access.parse(url)) as endpoint:
        [check] = probe(endpoint, "test-model")
    assert not check.ok
    assert "connection refused" in check.found
    assert "OPENAI_BASE_URL" in check.mend


# --- money


def test_prices_come_from_the_table_the_user_or_the_place() -> None:
    known = price("gpt-5", "https://api.openai.com/v1")
    assert known is not None
    assert 0 < known.cached < known.input < known.output < 100
    assert price("gpt-5") == known
    assert price("gpt-5", "https://api.openai.com/v1", "2,3") == parse_price("2,3")
    assert price("no-such-model", "https://api.openai.com/v1") is None
    assert price("gpt-5", "https://models.example.com/v1") is None


@pytest.mark.parametrize(
    "host", ["localhost:11434", "127.0.0.1:8000", "[::1]:8000", "192.168.1.7", "vllm", "box.local"]
)
def test_what_runs_at_home_costs_nothing(host: str) -> None:
    found = price("any-model", f"http://{host}/v1")
    assert found is not None
    assert cost(found, Usage(input_tokens=10**6, output_tokens=10**6)) == 0.0


def test_cost_counts_every_token_once() -> None:
    usage = Usage(
        input_tokens=1_000_000,
        cached_tokens=400_000,
        output_tokens=100_000,
        reasoning_tokens=90_000,
    )
    assert cost(parse_price("1,0.5,10"), usage) == pytest.approx(0.6 + 0.2 + 1.0)
    assert cost(parse_price("1,10"), usage) == pytest.approx(1.0 + 1.0)


@pytest.mark.parametrize("text", ["", "1", "1,2,3,4", "1;2", "a,b", "-1,2", "nan,1", "1,inf"])
def test_a_price_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="USD per million tokens"):
        parse_price(text)


@given(st.text(max_size=300), st.text(max_size=300))
def test_estimates_grow_with_the_text(first: str, second: str) -> None:
    one = estimate_tokens([Message("user", first)])
    both = estimate_tokens([Message("user", first + second)])
    assert 0 < one <= both + 1
    assert both <= one + estimate_tokens([Message("user", second)])
    assert len(first.encode("utf-8", "replace")) / 2.5 <= one


def test_an_estimate_covers_the_schema_where_it_goes_into_the_prompt() -> None:
    with serving(lambda a: refusing_schemas() if a.schema else "{}") as (server, endpoint):
        request = asking(form=Plan)
        endpoint.complete(request)
        sent = [Message("user", text) for _, text in server.asked[-1].messages]
    assert 0 <= estimate_tokens(sent) - request.estimate() < 60  # the words that ask for it


# --- the server of these tests


@pytest.mark.parametrize("api", APIS)
def test_the_server_streams_as_the_sdk_reads_it(api: Literal["responses", "chat"]) -> None:
    text = "a text that takes more than one piece, and ends"
    with ModelServer(lambda asked: text) as server:
        client = openai.OpenAI(base_url=server.url, api_key="none", max_retries=0)
        with client:
            if api == "chat":
                chunks = list(
                    client.chat.completions.create(
                        model="m",
                        messages=[{"role": "user", "content": "hi"}],
                        stream=True,
                        stream_options={"include_usage": True},
                    )
                )
                said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
                assert chunks[-1].usage is not None
            else:
                events = list(client.responses.create(model="m", input="hi", stream=True))
                said = [e.delta for e in events if e.type == "response.output_text.delta"]
                assert events[-1].type == "response.completed"
        assert "".join(said) == text
        assert server.asked[0].finished


def test_the_server_runs_as_a_process_and_keeps_its_log(tmp_path: Path) -> None:
    """A client that is killed while it waits leaves a line that says so."""
    script, port, log = (tmp_path / name for name in ("script.py", "port", "log.jsonl"))
    begun = tmp_path / "begun"
    script.write_text(
        "from stand_ins.model_server import *\n"
        "from pathlib import Path\n"
        "def answer(asked):\n"
        "    if 'wait' not in asked.prompt:\n"
        "        return saying(f'number {asked.nth}')\n"
        f"    Path({str(begun)!r}).touch()\n"
        "    return hanging()\n"
    )
    command = [sys.executable, "-m", "stand_ins.model_server", "--script", str(script)]
    command += ["--port-file", str(port), "--log", str(log), "--seconds", "60"]
    with subprocess.Popen(command, env=environment()) as server:
        try:
            _until(port.exists, 20)
            url = f"http://127.0.0.1:{port.read_text()}/v1"
            with Endpoint(Access.parse(url)) as endpoint:
                assert endpoint.complete(asking()).text == "number 0"
            client = (
                "from ratchet.agents.llm import *; import sys; "
                "print('asking', flush=True); Endpoint(Access.parse(sys.argv[1])).complete("
                "Request(model='m', messages=(Message('user', 'wait'),)))"
            )
            ask = [sys.executable, "-c", client, url]
            with subprocess.Popen(ask, stdout=subprocess.PIPE) as victim:
                assert victim.stdout is not None
                assert victim.stdout.readline() == b"asking\n"
                _until(lambda: begun.exists(), 20)
                victim.kill()
            _until(lambda: len(log.read_text().splitlines()) == 2, 20)
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    first, second = map(json.loads, log.read_text().splitlines())
    assert (first["nth"], first["finished"], second["finished"]) == (0, True, False)
    assert (first["dialect"], first["model"], second["model"]) == ("chat", "test-model", "m")
    assert second["messages"] == [["user", "wait"]]
    assert first["digest"] != second["digest"]


def _told(work: Callable[[], str]) -> list[str]:
    """What a caller can see of a result, or of an error and all that hangs on it."""
    try:
        return [work()]
    except ModelError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=False)
        return [str(error), repr(error), "".join(trace.format()), str(pickle.dumps(error))]


def _until(ready: Callable[[], bool], limit: float = 5.0) -> None:
    end = time.monotonic() + limit
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.01)
