"""What can go wrong with one try, whether to try again, and how to say it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from .address import KEY_VARIABLE, URL_VARIABLE, Access
from .limits import Bounds, blames_limit
from .records import Request

Kind = Literal["connection", "certificate", "timeout", "garbled", "status"]

BUSY = {408, 409, 429}
NO_SUCH_ROUTE = {404, 405, 501}
BAD_REQUEST = {400, 413, 422}
UNSAID = 502  # the status of an error that came in a body without one
RESUME = "`ratchet resume` then goes on where this stopped"

OVERLOADED = {502, 503, 504, 529}
PROXY_REFUSES = 407

_QUOTA = re.compile(r"insufficient_quota|insufficient_(?:funds|credit)|billing")
_UNPAID = re.compile(
    r"credit balance|out of credit|(?:insufficient|not enough) (?:balance|funds|credits?|quota)"
    r"|exceeded your current quota|payment required"
)
_KEY = re.compile(
    r"invalid[_ ]api[_ ]key|api[_ ]key (?:not valid|is invalid|expired|is missing|not found)"
    r"|(?:incorrect|missing|no) api key|permission[_ ]denied"
)
_NO_MODEL = re.compile(
    r"model_not_found|\b(?:no such|unknown|invalid) model\b|no models? (?:is |are )?loaded"
    r"|\bmodel\b.{0,120}\b(?:does not exist|not found|is not available|could not be found)"
)
_TOO_LONG = re.compile(
    r"context[ _]?(?:length|window|size|limit)|maximum context|too many (?:input )?tokens"
    r"|(?:prompt|input) (?:is )?too long|reduce the length|\bn_ctx\b|maximum model length"
    r"|request (?:entity )?too large|must have less than \d+ tokens|range of input length"
    r"|input token count .{0,30}exceeds|tokens to keep from the initial prompt"
)
_DECLINED = re.compile(
    r"content[_ ](?:filter|policy|management)|invalid_prompt|moderation|data_inspection"
    r"|inappropriate|content exists risk|sensitive content|safety|flagged|harmful|usage polic"
)
_GRAMMAR = re.compile(r"grammar|schema|response_format|json_object|structured|guided|xgrammar")


@dataclass(frozen=True)
class Fault:
    """Why one try came to nothing. `code` joins the error's code and type; `wait` is in seconds.

    `detail` is made fit to be shown, and `said` is all of it, to be looked through.
    """

    kind: Kind
    detail: str = ""
    status: int = 0
    code: str = ""
    param: str = ""
    wait: float | None = None
    said: str = field(default="", repr=False)

    @property
    def out_of_quota(self) -> bool:
        """Whether waiting cannot help, though the status may say "too many requests"."""
        if self.kind != "status":
            return False
        unpaid = self.status in (400, 403) and _UNPAID.search(self.words)
        return self.status == 402 or bool(_QUOTA.search(self.code) or unpaid)

    @property
    def passing(self) -> bool:
        """Whether another try may well succeed."""
        if self.kind != "status":
            return self.kind != "certificate"
        busy = self.status in BUSY or (self.status >= 500 and self.status != 501)
        return busy and not (self.out_of_quota or self.too_long or self.declined or self.too_much)

    @property
    def too_long(self) -> bool:
        """Whether prompt and reply together are beyond what the model can hold."""
        if self.status == 413:
            return True
        if self.status == 429:
            return "request too large" in self.words
        return self._says(_TOO_LONG)

    @property
    def too_much(self) -> bool:
        """Whether the limit of the reply is larger than the server takes."""
        return self.status not in BUSY | NO_SUCH_ROUTE and blames_limit(self.words)

    @property
    def declined(self) -> bool:
        """Whether the server will not have this prompt answered, for what it says."""
        return self._says(_DECLINED)

    @property
    def of_grammar(self) -> bool:
        """Whether the server cannot keep to the schema."""
        return self.kind == "status" and bool(_GRAMMAR.search(self.words))

    @property
    def of_question(self) -> bool:
        """Whether this one question was refused, for its content or its size, and not the rest.

        A key, an account, a permission, a model or a setting that the server does not take would
        fail with every question.
        """
        if self.kind != "status" or self.out_of_quota or self.status in (401, PROXY_REFUSES):
            return False
        if self.status >= 500:
            content = bool(_DECLINED.search(self.words)) or self.of_grammar
            return self.status != 501 and (self.too_long or self.too_much or content)
        if self.declined or self.too_long:
            return True
        if self.status == 403 or self.status in NO_SUCH_ROUTE | BUSY:
            return False
        general = _KEY.search(self.words) or _NO_MODEL.search(self.words)
        return not general and not self.names("temperature")

    def names(self, *wanted: str) -> bool:
        """Whether the error blames one of these parameters."""
        return any(re.search(rf"\b{word}\b", self.words) for word in wanted)

    def blames(self, model: str) -> bool:
        """Whether the model does not exist, rather than the address."""
        return "model_not_found" in self.code or model.lower() in self.words

    def _says(self, what: re.Pattern[str]) -> bool:
        """Whether a refusal says this; of an overload, the words prove nothing."""
        bad = 400 <= self.status < 500 and self.status not in {401, 402, *NO_SUCH_ROUTE, *BUSY}
        failed = self.status == UNSAID or (self.status == 500 and what is _TOO_LONG)
        return (bad or failed) and bool(what.search(self.words))

    @property
    def words(self) -> str:
        """All that the server said, in lower case."""
        return f"{self.code} {self.param} {self.said or self.detail}".lower()


def seconds(count: float) -> str:
    """Such as "0.5 s" or "300 s"."""
    return f"{count:.0f} s" if count >= 10 or count == int(count) else f"{count:.1f} s"


def refusal(fault: Fault, request: Request, says: Bounds) -> str:
    """Why a server will not take one question, in its own words or with the numbers it names."""
    status = f"HTTP {fault.status}" + (f": {fault.detail}" if fault.detail else "")
    if not (fault.too_long or fault.too_much):
        return status
    if says.window is None:
        return f"prompt and reply are more than {request.model} takes ({status})"
    prompt = f"{says.prompt}" if says.prompt else f"about {request.estimate()}"
    return (
        f"the prompt has {prompt} tokens, and {request.model} holds {says.window} with its reply: "
        f"use a larger window, or another model ({status})"
    )


def sentence(
    fault: Fault, access: Access, model: str, tries: int, waited: float, models: Sequence[str]
) -> str:
    """The cause, the address and the mend, after so many tries and seconds of waiting."""
    way = f" through the proxy {access.proxy}" if access.proxy else ""
    server = f"the model server at {access.url}" + (f" (reached{way})" if way else "")
    spent = f"{tries} {'try' if tries == 1 else 'tries'}"
    refusal = f"HTTP {fault.status}" + (f": {fault.detail}" if fault.detail else "")
    if fault.kind == "connection" and access.proxy:
        return (
            f"no answer from {access.url}{way} ({fault.detail}; {spent}): start or correct the "
            f"proxy, or set NO_PROXY to the server's host to go without it; {RESUME}"
        )
    if fault.status == PROXY_REFUSES:
        return (
            f"the proxy {access.proxy} wants credentials (HTTP {PROXY_REFUSES}): put them into the "
            f"proxy's address in the environment, or set NO_PROXY to the server's host; {RESUME}"
        )
    if fault.kind == "connection":
        return (
            f"no answer from {access.url} ({fault.detail}; {spent}): start the model server, or "
            f"set {URL_VARIABLE} to the one to use; {RESUME}"
        )
    if fault.kind == "certificate":
        return (
            f"{server} shows a certificate that this machine does not trust: set SSL_CERT_FILE to "
            f"the one that signed it, or correct {URL_VARIABLE}"
        )
    if fault.kind == "timeout":
        return (
            f"{server} did not finish an answer in time ({fault.detail}; {spent}): use a faster "
            f"model or server, fewer workers, or a longer timeout; {RESUME}"
        )
    if fault.kind == "garbled":
        return (
            f"{server} answers what is no model's reply ({fault.detail}): check that "
            f"{URL_VARIABLE} ends where its API begins, mostly in /v1"
        )
    if fault.out_of_quota:
        return (
            f"{server} says that this key's account is out of quota or credit (HTTP "
            f"{fault.status}): add credit, or set {KEY_VARIABLE} to another key; {RESUME}"
        )
    spent += f" and {seconds(waited)} of waiting"
    return _status(fault, access, model, server, refusal, spent, models)


def _status(
    fault: Fault,
    access: Access,
    model: str,
    server: str,
    refusal: str,
    spent: str,
    models: Sequence[str],
) -> str:
    if fault.status == 401:
        problem = "refuses the key" if access.key or access.headers else "wants a key"
        return f"{server} {problem} (HTTP 401): set {KEY_VARIABLE} to one that it takes"
    if fault.status == 403:
        return (
            f"{server} forbids this ({refusal}): use a key that may use {model}, or another model"
        )
    if fault.status in NO_SUCH_ROUTE and (fault.blames(model) or (models and model not in models)):
        others = [name for name in models if name != model]
        mend = f"use one that it has, such as {', '.join(others)}" if others else "use another"
        return f"{server} has no model {model!r}: {mend}"
    if fault.status in NO_SUCH_ROUTE and not models:
        return (
            f"{server} has no such API there ({refusal}): check that {URL_VARIABLE} ends where its "
            "API begins, mostly in /v1, and leave the choice of API to auto"
        )
    if fault.passing and fault.wait is not None and fault.wait > 0:
        return (
            f"{server} asks to wait {seconds(fault.wait)} ({refusal}), which is beyond patience "
            f"after {spent}: come back later, or use fewer workers; {RESUME}"
        )
    if fault.passing:
        return (
            f"{server} still cannot answer after {spent} ({refusal}): use fewer workers, or come "
            f"back when it is well; {RESUME}"
        )
    return f"{server} refuses the request ({refusal}): mend what it names, or use another model"
