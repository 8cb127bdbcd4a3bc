"""What goes to a model and what comes back, the same for every dialect and server."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from ...tasks import Frozen

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "refused"]

MOST_OUTPUT = 8192  # tokens of a reply, unless a run says otherwise or its server takes fewer
LETTERS_PER_TOKEN = 2.5  # fewer than in prose or code; only random letters take more tokens
TOKENS_PER_MESSAGE = 8  # its role and the marks around it
_LETTERS = re.compile(r"[A-Za-z ]+")


class ModelError(Exception):
    """The endpoint cannot be used: dead, key refused, out of quota, or beyond all patience.

    One sentence: the cause, the address without credentials, and how to mend it.
    """

    exit_code = 3


class Message(NamedTuple):
    """One turn of a conversation."""

    role: Role
    content: str


class Usage(Frozen):
    """Tokens of one reply. Cached ones are part of the input, reasoning ones of the output.

    `estimated`: the server did not say, and these are upper estimates from characters.
    """

    input_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)
    estimated: bool = False


class Request(Frozen):
    """One question to a model.

    `form` names the JSON schema `schema_`, which is strict: closed recursively, every property
    required (see `strict_schema`). `temperature` is sent only if set; reasoning models refuse it.
    """

    model: str
    messages: tuple[Message, ...]
    form: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,64}$")
    schema_: Mapping[str, object] | None = None
    max_output_tokens: int = Field(default=MOST_OUTPUT, gt=0)
    temperature: float | None = None

    def estimate(self) -> int:
        """How many tokens the input takes at most, the schema's among them."""
        schema = json.dumps(self.schema_, ensure_ascii=False) if self.schema_ else ""
        return estimate_tokens(self.messages) + tokens_in(schema)


class Reply(Frozen):
    """A model's reply. It is complete only if `finish` is "stop".

    `length`: cut at the token limit, or (with empty text) the prompt alone is beyond what the
    model can read. `refused`: it declined, or said nothing; `why` is then what is known of the
    reason. Not `answered`: the server would not take this question, nothing was generated, and
    asking it again is of no use. `thoughts` is what came in the place of a text that is missing.
    `retries` counts earlier tries that came to nothing, `seconds` is the time that all tries and
    waits took.
    """

    text: str
    usage: Usage
    finish: Finish
    model: str
    request_id: str = ""
    retries: int = 0
    seconds: float = 0.0
    why: str = ""
    answered: bool = True
    thoughts: str = ""


def estimate_tokens(messages: Iterable[Message]) -> int:
    """How many tokens these take at most, for prose and code in any language and tokenizer.

    Letters are counted by a low average; digits, punctuation and the bytes of other scripts are
    each counted as a token.
    """
    return sum(TOKENS_PER_MESSAGE + tokens_in(message.content) for message in messages)


def tokens_in(text: str) -> int:
    """How many tokens a text takes at most, counted as in `estimate_tokens`."""
    letters = sum(len(run) for run in _LETTERS.findall(text))
    others = len(text.encode("utf-8", "replace")) - letters
    return math.ceil(letters / LETTERS_PER_TOKEN) + others
