"""Servers that take less than is asked: shorter replies, small windows, no grammars, a proxy."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.model_server import Asked, ModelServer, Reaction, failing, saying

from ratchet.agents.llm import (
    MOST_OUTPUT,
    Access,
    Endpoint,
    Message,
    ModelError,
    Request,
    estimate_tokens,
    probe,
    strict_schema,
)
from ratchet.agents.llm.limits import bounds
from ratchet.agents.research.forms import Diagnosis, Idea

WINDOW = "maximum context length is"
WORDINGS: list[tuple[str, int | None, int | None, int | None]] = [
    (f"This model's {WINDOW} 8192 tokens. However, you requested 10240 tokens (2048 in the "
     "messages, 8192 in the completion). Please reduce the length of either.", 8192, 2048, None),
    (f"'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's {WINDOW} 8192 "
     "tokens and your request has 1800 input tokens (8192 > 8192 - 1800).", 8192, 1800, None),
    (f"This model's {WINDOW} 4096 tokens. However, your request has 5000 input tokens.",
     4096, 5000, None),
    ("You passed 4097 input tokens and requested 8192 output tokens. However, the model's context "
     "length is only 8192 tokens, resulting in a maximum input length of 0 tokens.",
     8192, 4097, None),
    ("The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
     8192, 9000, None),
    ("max_tokens is too large: 8192. This model supports at most 4096 completion tokens, whereas "
     "you provided 8192.", None, None, 4096),
    (f"This model's {WINDOW} 16385 tokens. However, your messages resulted in 20000 tokens.",
     16385, 20000, None),
    (f"This model's {WINDOW} 4097 tokens, however you requested 8292 tokens (100 in your prompt; "
     "8192 for the completion).", 4097, 100, None),
    ("`max_tokens` must be less than or equal to `4000`, the maximum value for `max_tokens` is "
     "less than the `context_window` for this model", None, None, 4000),
    ("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, "
     "please reduce your message size", 6000, 808, None),
    ("request (1375 tokens) exceeds the available context size (1024 tokens), try increasing it",
     1024, 1375, None),
    ("the request exceeds the available context size n_prompt_tokens=1375 n_ctx=1024",
     1024, 1375, None),
    ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 1800 "
     "`inputs` tokens and 8192 `max_new_tokens`", 4096, 1800, None),
    ("Input validation error: `inputs` must have less than 1024 tokens. Given: 5000",
     1024, 5000, None),
    ("Input validation error: `max_new_tokens` must be <= 512. Given: 8192", None, None, 512),
    ("Requested token count exceeds the model's maximum context length of 8,192 tokens. You "
     "requested a total of 9992 tokens: 1800 tokens from the input messages and 8192 tokens for "
     "the completion.", 8192, 1800, None),
    ("The input (9000 tokens) is longer than the model's context length (8192 tokens).",
     8192, 9000, None),
    ("Trying to keep the first 5000 tokens when context overflows. However, the model is loaded "
     "with context length of only 4096 tokens", 4096, 5000, None),
    ("Cannot truncate prompt with n_keep (5000) >= n_ctx (4096)", 4096, 5000, None),
    ("the input length exceeds the context length", None, None, None),
    ("max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens",
     None, None, 4096),
    ("prompt is too long: 212345 tokens > 200000 maximum", 200000, 212345, None),
    ("input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
     200000, 188240, None),
    ("Prompt contains 36000 tokens, too large for model with 32768 maximum context length",
     32768, 36000, None),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 4096]", None, None, 4096),
    ("Range of input length should be [1, 6000]", 6000, None, None),
    ("it has a maxOutputTokens value of 8192 but the supported range is from 1 (inclusive) to "
     "4097 (exclusive).", None, None, 4096),
    ("Requested tokens (10000) exceed context window of 2048", 2048, 1808, None),
    ("max_output_tokens must be at most 2048", None, None, 2048),
    ("max_tokens is too large", None, None, None),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("OPENAI_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def connected(server: ModelServer, patience_seconds: float = 5.0) -> Endpoint:
    return Endpoint(Access.parse(server.url), "auto", 5.0, patience_seconds)


def asking(text: str = "hello", **options: Any) -> Request:
    return Request(model="test-model", messages=(Message("user", text),), **options)


def formed(form: type[Any] = Diagnosis) -> Request:
    return asking(form=form.__name__, schema_=strict_schema(form))


def sent(asked: Asked) -> int:
    return int(str(asked.body.get("max_tokens", asked.body.get("max_output_tokens"))))


@pytest.mark.parametrize(("words", "window", "prompt", "most"), WORDINGS)
def test_the_numbers_of_a_refusal_are_told_apart(
    words: str, window: int | None, prompt: int | None, most: int | None
) -> None:
    says = bounds(words.lower(), 8192)
    assert (says.window, says.prompt, says.most) == (window, prompt, most)


@given(st.text(), st.integers(1, 10**6))
def test_no_words_break_the_reading_of_limits(words: str, limit: int) -> None:
    says = bounds(f"max_tokens too large {words}".lower(), limit)
    assert says.most is None or 0 <= says.most < limit


PHRASES: dict[str, str] = {
    "newer vLLM": "'max_tokens' is too large: {sent}. This model's maximum context length is "
    "{window} tokens and your request has {prompt} input tokens ({sent} > {window} - {prompt}).",
    "older vLLM": "This model's maximum context length is {window} tokens. However, you requested "
    "{total} tokens ({prompt} in the messages, {sent} in the completion).",
    "TGI": "`inputs` tokens + `max_new_tokens` must be <= {window}. Given: {prompt} `inputs` "
    "tokens and {sent} `max_new_tokens`",
    "window alone": "the maximum context length of this model is {window} tokens",
    "nothing": "max_tokens is too large",
}


def windowed(phrase: str, window: int, status: int = 400) -> Callable[[Asked], Reaction | str]:
    """A server whose prompts and replies share a window."""

    def answer(asked: Asked) -> Reaction | str:
        prompt = len(asked.prompt) // 4 + 10
        if prompt + sent(asked) <= window:
            return saying("hi")
        numbers = {"prompt": prompt, "sent": sent(asked), "total": prompt + sent(asked)}
        return failing(status, phrase.format(window=window, **numbers))

    return answer


@pytest.mark.parametrize("phrase", PHRASES)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_a_limit_beyond_the_window_is_lowered_and_remembered(phrase: str, status: int) -> None:
    with ModelServer(windowed(PHRASES[phrase], 4096, status)) as server:
        with connected(server) as endpoint:
            first = endpoint.complete(asking("word " * 300))
            tries = len(server.asked)
            again = [endpoint.complete(asking("word " * count)) for count in (10, 310, 600)]
        assert [reply.text for reply in (first, *again)] == ["hi"] * 4
        assert sent(server.asked[0]) == MOST_OUTPUT
        assert 2 <= tries <= 5
        assert len(server.asked) == tries + 3, "it is not found out anew"
        assert all(sent(asked) >= 1024 for asked in server.asked), "replies keep their room"


@pytest.mark.parametrize("code", ["rate_limit_exceeded", None])
def test_a_limit_that_is_named_is_taken_as_it_is(code: str | None) -> None:
    words = "max_tokens must be less than or equal to `4000`"

    def answer(asked: Asked) -> Reaction | str:
        return failing(400, words, code=code, param="max_tokens") if sent(asked) > 4000 else "hi"

    with ModelServer(answer) as server, connected(server) as endpoint:
        assert [endpoint.complete(asking()).text for _ in range(2)] == ["hi", "hi"]
        assert [sent(asked) for asked in server.asked] == [8192, 4000, 4000]
        assert endpoint.describe()["limits"] == "4000 tokens a reply"


def test_a_short_window_of_one_question_is_no_limit_for_the_next() -> None:
    """What a long prompt leaves is not what a short one does."""
    with ModelServer(windowed(PHRASES["newer vLLM"], 8192)) as server, connected(server) as one:
        assert one.complete(asking("word " * 5000)).text == "hi"
        assert one.complete(asking("word")).text == "hi"
        assert sent(server.asked[-1]) > 7000


@pytest.mark.parametrize("phrase", ["newer vLLM", "older vLLM", "window alone"])
def test_a_prompt_beyond_the_window_is_said_with_both_numbers(phrase: str) -> None:
    with ModelServer(windowed(PHRASES[phrase], 2048)) as server, connected(server) as endpoint:
        reply = endpoint.complete(asking("word " * 6000))
        prompt = len(server.asked[0].prompt) // 4 + 10
    assert (reply.finish, reply.text, reply.answered) == ("length", "", False)
    assert reply.usage.input_tokens == 0
    count = f"{prompt}" if phrase != "window alone" else "about"
    assert f"the prompt has {count}" in reply.why
    assert "holds 2048" in reply.why
    assert len(server.asked) <= 8


def test_numbers_beside_the_words_of_an_error_count() -> None:
    error = failing(400, "it exceeds the available context size", n_prompt_tokens=1375, n_ctx=1024)
    with ModelServer(lambda asked: error) as server, connected(server) as endpoint:
        why = endpoint.complete(asking()).why
    assert "the prompt has 1375 tokens, and test-model holds 1024" in why
    assert len(server.asked) == 1


def test_the_doctor_says_what_limit_a_server_takes() -> None:
    with ModelServer(windowed(PHRASES["newer vLLM"], 8192)) as server, connected(server) as one:
        checks = {check.name: check for check in probe(one, "test-model")}
    assert checks["reply limit"].ok
    assert "8192 tokens of prompt and reply together, and not 8192" in checks["reply limit"].found


# --- one question that is refused


@pytest.mark.parametrize(
    ("reaction", "words"),
    [
        (failing(400, "may contain bad things", code="data_inspection_failed"), "bad things"),
        (failing(400, "what is this"), "what is this"),
        (failing(403, "your input was flagged by moderation"), "flagged"),
        (failing(451, "not here"), "not here"),
        (failing(500, "flagged by the safety system"), "safety"),
        (failing(503, "content policy violation"), "content policy"),
    ],
)
def test_a_refused_question_is_a_reply_in_the_servers_words(reaction: Reaction, words: str) -> None:
    def answer(asked: Asked) -> Reaction | str:
        return reaction if "poison" in asked.prompt else "hi"

    with ModelServer(answer) as server, connected(server) as endpoint:
        reply = endpoint.complete(asking("poison"))
        assert (reply.finish, reply.answered, reply.usage.output_tokens) == ("refused", False, 0)
        assert words in reply.why
        assert "HTTP" in reply.why
        assert len(server.asked) <= 2
        assert endpoint.complete(asking("good")).text == "hi"


# --- grammars


@pytest.mark.parametrize(
    ("status", "words"),
    [
        *((status, "failed to parse grammar") for status in (400, 500, 502, 503)),
        (400, "internal error"),
        (500, "internal error"),
    ],
)
def test_a_schema_that_makes_a_server_fail_is_left_out_from_then_on(
    status: int, words: str
) -> None:
    def answer(asked: Asked) -> Reaction | str:
        return failing(status, words) if asked.schema else "{}"

    with ModelServer(answer) as server, connected(server) as endpoint:
        for _ in range(2):
            assert endpoint.complete(formed()).text == "{}"
        schemas = [asked.schema for asked in server.asked]
        assert schemas in (["Diagnosis", None, None], ["Diagnosis"] * 2 + [None] * 2)
        assert endpoint.describe()["structured output"] == "no"


def test_a_form_that_no_grammar_can_say_costs_the_others_nothing() -> None:
    def answer(asked: Asked) -> Reaction | str:
        return failing(500, "failed to parse grammar") if asked.schema == "Idea" else "{}"

    with ModelServer(answer) as server, connected(server) as endpoint:
        for form in (Diagnosis, Idea, Idea, Diagnosis):
            endpoint.complete(formed(form))
        schemas = [asked.schema for asked in server.asked]
    assert schemas == ["Diagnosis", "Idea", None, None, "Diagnosis"]


def test_a_server_that_is_loading_keeps_its_schemas() -> None:
    def answer(asked: Asked) -> Reaction | str:
        return failing(503, "Loading model") if asked.nth < 2 else "{}"

    with ModelServer(answer) as server, connected(server) as endpoint:
        endpoint.complete(formed())
        assert [asked.schema for asked in server.asked] == ["Diagnosis"] * 3


def test_a_server_that_fails_with_and_without_a_schema_is_given_up_in_bounded_time() -> None:
    with (
        ModelServer(lambda asked: failing(500)) as server,
        connected(server, patience_seconds=1.0) as endpoint,
        pytest.raises(ModelError, match="still cannot answer"),
    ):
        endpoint.complete(formed())
    assert len(server.asked) <= 6


# --- usage


@pytest.mark.parametrize("bad", [True, -3, 10**30, 3.5, "70", None, 10**9])
def test_counts_that_cannot_be_are_estimated_and_stay_within_what_was_reserved(bad: object) -> None:
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    request = asking("a question")
    for name in names:
        good: dict[str, object] = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
        said = saying("word " * 9).with_usage({**good, name: bad})
        with ModelServer(lambda asked, said=said: said) as server, connected(server) as endpoint:
            usage = endpoint.complete(request).usage
        assert usage.input_tokens <= estimate_tokens(request.messages)
        assert 5 <= usage.output_tokens <= 60
        assert usage.estimated == (name != "total_tokens")


# --- proxies


SECRET = "pa55-of-the-proxy"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_dead_proxy_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with ModelServer(lambda asked: "hi") as closed:
        port = closed.port
    monkeypatch.setenv(name, f"http://user:{SECRET}@127.0.0.1:{port}")
    access = Access.parse("http://model.invalid/v1")
    with (
        Endpoint(access, patience_seconds=0) as endpoint,
        pytest.raises(
            ModelError, match=rf"through the proxy http://127.0.0.1:{port} .*NO_PROXY"
        ) as caught,
    ):
        endpoint.complete(asking())
    assert SECRET not in str(caught.value) + repr(access)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", [f"http://user:{SECRET}@127.0.0.1:9", "gopher://nowhere:1"])
def test_loopback_is_reached_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    monkeypatch.setenv(name, proxy)
    with ModelServer(lambda asked: "hi") as server, connected(server) as endpoint:
        assert endpoint.complete(asking()).text == "hi"


def test_a_proxy_that_wants_credentials_or_repeats_them_keeps_them_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = [failing(407, f"who is user:{SECRET}?"), failing(400, f"bad {SECRET} and short pw12")]
    with ModelServer(lambda asked: words[asked.nth]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:{SECRET}@127.0.0.1:{proxy.port}")
        access = Access.parse("http://me:pw12@model.invalid/v1")
        with Endpoint(access, "chat", patience_seconds=0) as endpoint:
            with pytest.raises(ModelError, match=r"the proxy http.* wants credentials") as caught:
                endpoint.complete(asking())
            why = endpoint.complete(asking()).why
    assert SECRET not in str(caught.value) + why
    assert "pw12" not in why
