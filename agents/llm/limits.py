"""What a server says of its limits on tokens, read from the words in which it refuses.

No two servers say it alike, so single numbers are looked for by what stands around them: the
window that prompt and reply share, the tokens of the prompt, and the most that a reply may have.
"""

import re
from typing import NamedTuple

# One word for the parameter under all its names; some servers write it in words or in one.
_NAME = r"`?'?\"?max(?:imum)?[_ ]?(?:new|completion|output)?[_ ]?tokens?`?'?\"?"
_BLAMED = re.compile(
    r"\bmax_(?:new_|completion_|output_)?tokens\b|\bmaxoutputtokens\b"
    r"|in the (?:completion|output)\b|for the completion\b|requested \d+ output tokens"
)
_UNKNOWN = re.compile(
    r"un(?:supported|recogni[sz]ed|known|expected)"
    r"|not (?:supported|permitted|allowed|recogni[sz]ed)|extra (?:input|field|param)|instead"
)
_SIZE = re.compile(
    r"too (?:large|big|high|many|long)|exceed|at most|less than|larger|greater|longer|more than"
    r"|range|must be|<=|\d+ > \d+|maximum|limit|reduce|beyond|only"
)
_ALL = re.compile(r"(\d+) \+ (\d+) > (\d+)")  # prompt, reply, window
_REQUESTED = re.compile(
    r"requested:?(?: about| a total of| tokens)? \(?(\d+)\)?(?: tokens)?\b(?! output)"
)

_MOST = (
    re.compile(rf"(?<!\+ ){_NAME}:? \(?\d+\)? > (\d+)(?! -)"),
    re.compile(r"(?:supports?|takes?|generates?|allows?) (?:only|up to) (\d+)|at most (\d+)"),
    re.compile(rf"{_NAME}[^.\d]{{0,30}} less than or equal to `?(\d+)"),
    re.compile(
        rf"(?<!\+ ){_NAME} (?:must|should|can|may|has to) (?:not )?(?:be|exceed)?\s*"
        rf"(?:<=|<|at most|no more than|less than|below|under|smaller than)?\s*(\d+)"
    ),
    re.compile(rf"{_NAME}[^\[]{{0,40}}\[\s*\d+\s*,\s*(\d+)\s*\]"),
    re.compile(rf"{_NAME}.{{0,80}}\(inclusive\) to (\d+)"),
    re.compile(
        rf"{_NAME}[^.]{{0,40}}(?:exceeds?|above|over|beyond|greater than|larger than)[^.\d]{{0,40}}"
        r"(\d+)(?! tokens of context)"
    ),
)
_WINDOW = (
    re.compile(r"\bn_ctx\D{0,5}(\d+)"),
    re.compile(r"inputs`? tokens \+ `?max_new_tokens`? must be <= (\d+)"),
    re.compile(r"context[ _](?:length|window|size)[^\d.]{0,40}(\d+)"),
    re.compile(r"(\d+) (?:tokens )?maximum context"),
    re.compile(r"max(?:imum)?[ _]model[ _]len(?:gth)?[^\d.]{0,10}(\d+)"),
    re.compile(r"tokens > (\d+) maximum"),
    re.compile(r"number of (?:input )?tokens allowed \((\d+)"),
    re.compile(r"inputs?`? must have less than (\d+)"),
    re.compile(r"prompt cannot exceed (\d+)"),
    re.compile(r"input length[^\[]{0,20}\[\s*\d+\s*,\s*(\d+)\s*\]"),
    re.compile(r"\blimit:? (\d+),? requested"),
)
_PROMPT = (
    re.compile(r"\bn_prompt_tokens\D{0,3}(\d+)"),
    re.compile(
        r"(\d+) (?:tokens )?(?:in|from|of) (?:the |your )?(?:text |input )?"
        r"(?:messages?|prompts?|inputs?)\b"
    ),
    re.compile(r"(\d+) `?(?:inputs?|prompt)`? tokens"),
    re.compile(r"(?:messages|prompt|input) resulted in (\d+)"),
    re.compile(r"request \((\d+) tokens\)"),
    re.compile(r"(?:prompt|input)[^.\d]{0,30}\((?:length )?(\d+)(?: tokens)?\)"),
    re.compile(r"prompt (?:is too long: |contains |has |of )(\d+)"),
    re.compile(r"n_keep\D{0,3}(\d+)|keep the first (\d+) tokens"),
    re.compile(r"must have less than \d+ tokens\W+given:? (\d+)"),
    re.compile(r"cannot exceed \d+\D{0,5}received (\d+)"),
)


class Bounds(NamedTuple):
    """Counts of tokens as far as they were named. `blamed`: the reply's limit is too large."""

    window: int | None = None
    prompt: int | None = None
    most: int | None = None
    blamed: bool = False


def blames_limit(text: str) -> bool:
    """Whether a refusal is about the size of the reply's limit, and not about its name."""
    return bool(_BLAMED.search(text) and _SIZE.search(text)) and not _UNKNOWN.search(text)


def bounds(text: str, sent: int) -> Bounds:
    """The limits that a refusal in lower case names; `sent` was the limit of the reply."""
    text = re.sub(r"(?<=\d)[,_](?=\d{3}\b)", "", text)
    blamed = blames_limit(text)
    if together := _ALL.search(text):
        return Bounds(int(together[3]), int(together[1]), None, blamed)
    window, prompt = _first(_WINDOW, text), _first(_PROMPT, text)
    total = _REQUESTED.search(text)
    if prompt is None and window and total and int(total[1]) > sent:
        prompt = int(total[1]) - sent
    most = _first(_MOST, text) if blamed else None
    if "(exclusive)" in text and most:
        most -= 1
    if most is not None and (most >= sent or most == window):
        most = None
    if blamed and most is window is None:
        numbers = map(int, re.findall(r"(?<![\w.])\d{2,9}(?![\w.]*\d)", text))
        most = max((n for n in numbers if 16 <= n < sent and n != prompt), default=None)
    return Bounds(window, prompt, most, blamed)


def _first(patterns: tuple[re.Pattern[str], ...], text: str) -> int | None:
    for pattern in patterns:
        if match := pattern.search(text):
            return next(int(group) for group in match.groups() if group)
    return None
