"""What can go wrong with one try, whether to try again, and how to say it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .address import KEY_VARIABLE, URL_VARIABLE, Access

Kind = Literal["connection", "certificate", "timeout", "garbled", "status"]

BUSY = {408, 409, 429}
NO_SUCH_ROUTE = {404, 405, 501}
BAD_REQUEST = {400, 413, 422}
UNSAID = 502  # the status of an error that came in a body without one
RESUME = "`ratchet resume` then goes on where this stopped"

_QUOTA = re.compile(r"insufficient_quota|insufficient_(?:funds|credit)|billing")
_TOO_LONG = re.compile(
    r"context[ _]?(?:length|window|size)|maximum context|too many (?:input )?tokens"
    r"|(?:prompt|input) is too long|reduce the length"
)
_DECLINED = re.compile(r"content_filter|content_policy|content policy|invalid_prompt|moderation")


@dataclass(frozen=True)
class Fault:
    """Why one try came to nothing. `code` joins the error's code and type; `wait` is in seconds."""

    kind: Kind
    detail: str = ""
    status: int = 0
    code: str = ""
    param: str = ""
    wait: float | None = None

    @property
    def out_of_quota(self) -> bool:
        """Whether waiting cannot help, though the status may say "too many requests"."""
        return self.kind == "status" and (self.status == 402 or bool(_QUOTA.search(self.code)))

    @property
    def passing(self) -> bool:
        """Whether another try may well succeed."""
        if self.kind != "status":
            return self.kind != "certificate"
        busy = self.status in BUSY or (self.status >= 500 and self.status != 501)
        return busy and not (self.out_of_quota or self.too_long or self.declined)

    @property
    def too_long(self) -> bool:
        """Whether the prompt is beyond what the model can read."""
        return self.status == 413 or self._says(_TOO_LONG)

    @property
    def declined(self) -> bool:
        """Whether the server will not have this prompt answered, for what it says."""
        return self._says(_DECLINED)

    def names(self, *words: str) -> bool:
        """Whether the error blames one of these parameters."""
        return any(re.search(rf"\b{word}\b", self._words) for word in words)

    def blames(self, model: str) -> bool:
        """Whether it is the model that does not exist, rather than the address."""
        return "model_not_found" in self.code or model.lower() in self._words

    def _says(self, what: re.Pattern[str]) -> bool:
        return self.status in BAD_REQUEST | {UNSAID} and bool(what.search(self._words))

    @property
    def _words(self) -> str:
        return f"{self.code} {self.param} {self.detail}".lower()


def seconds(count: float) -> str:
    """Such as "0.5 s" or "300 s"."""
    return f"{count:.0f} s" if count >= 10 or count == int(count) else f"{count:.1f} s"


def sentence(
    fault: Fault, access: Access, model: str, tries: int, waited: float, known: Sequence[str]
) -> str:
    """The cause, the address and the mend, after so many tries and seconds of waiting."""
    server = f"the model server at {access.url}"
    spent = f"{tries} {'try' if tries == 1 else 'tries'}"
    said = f"HTTP {fault.status}" + (f": {fault.detail}" if fault.detail else "")
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
    return _status(fault, access, model, server, said, spent, known)


def _status(
    fault: Fault,
    access: Access,
    model: str,
    server: str,
    said: str,
    spent: str,
    known: Sequence[str],
) -> str:
    if fault.status == 401:
        problem = "refuses the key" if access.key or access.headers else "wants a key"
        return f"{server} {problem} (HTTP 401): set {KEY_VARIABLE} to one that it takes"
    if fault.status == 403:
        return f"{server} forbids this ({said}): use a key that may use {model}, or another model"
    if fault.status in NO_SUCH_ROUTE and (fault.blames(model) or (known and model not in known)):
        others = [name for name in known if name != model]
        mend = f"use one that it has, such as {', '.join(others)}" if others else "use another"
        return f"{server} has no model {model!r}: {mend}"
    if fault.status in NO_SUCH_ROUTE and not known:
        return (
            f"{server} has no such API there ({said}): check that {URL_VARIABLE} ends where its "
            "API begins, mostly in /v1, and leave the choice of API to auto"
        )
    if fault.passing and fault.wait is not None and fault.wait > 0:
        return (
            f"{server} asks to wait {seconds(fault.wait)} ({said}), which is beyond patience "
            f"after {spent}: come back later, or use fewer workers; {RESUME}"
        )
    if fault.passing:
        return (
            f"{server} still cannot answer after {spent} ({said}): use fewer workers, or come "
            f"back when it is well; {RESUME}"
        )
    return f"{server} refuses the request ({said}): mend what it names, or use another model"
