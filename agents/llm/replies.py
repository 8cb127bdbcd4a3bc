"""Reading a form back from a reply, and saying what is wrong where it cannot be read."""

import json
import re
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from .loose import Broken
from .loose import read as read_loosely

M = TypeVar("M", bound=BaseModel)

PROBLEMS, STARTS, LONGEST = 5, 1000, 400
MENDED = 20  # broken objects of a reply that are looked at closely

_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\n\s*(?=[{\[])(.*?)```", re.DOTALL)
_THOUGHT = re.compile(r"</(?:think|thinking|thought|thoughts|reasoning)>|\[/THINK\]|◁/think▷")
_OBJECT = re.compile(
    r"\{\s*(?:[\"'\u201c\u201d\u201e\u2018\u2019}/]|[A-Za-z_]\w*\s*:)"
)  # so no brace in prose begins


class _Scan(NamedTuple):
    """The complete outermost objects of a text, and what the first broken one lacks."""

    objects: list[object]
    broken: str = ""


def parse_reply(form: type[M], text: str) -> M:
    """The one JSON object in a text, as the form; a fence, thoughts or prose around it is borne.

    So is what can only mean one thing, such as a comma too many. Raises ValueError with a short
    message that tells a model what to mend, and where.
    """
    try:
        scan = _Scan([json.loads(text, strict=False)])
    except (ValueError, RecursionError):
        scan = _found(text)
    valid, problems = list[M](), ""
    for entry in scan.objects:
        try:
            valid.append(form.model_validate_json(json.dumps(entry)))
        except ValidationError as error:
            problems = _problems(error)
    if not valid and (scan.broken or not scan.objects):
        why = scan.broken or ("it is incomplete" if "{" in text else "it has no '{'")
        raise ValueError(f"no complete JSON object in the reply: {why}"[:LONGEST])
    if not valid:
        raise ValueError(f"the JSON object does not fit {form.__name__}: {problems}")
    if any(other != valid[0] for other in valid):
        raise ValueError(f"{len(valid)} different JSON objects fit {form.__name__}: give one")
    return valid[0]


def _found(text: str) -> _Scan:
    """The objects of what follows thoughts, in fences, or else anywhere; or of the thoughts."""
    ends = [end.end() for end in _THOUGHT.finditer(text)]
    begin = ends[-1] if ends else 0
    spans = [fence.span(1) for fence in _FENCE.finditer(text, begin)]
    fenced = [_scan(text, *span) for span in spans]
    objects = [entry for scan in fenced for entry in scan.objects]
    if objects:
        return _Scan(objects, "".join(scan.broken for scan in fenced[:1]))
    rest = _scan(text, begin, len(text))
    if rest.objects or rest.broken or not begin:
        return rest
    return _scan(text, 0, begin)


def _scan(text: str, begin: int, end: int) -> _Scan:
    """The outermost objects between two offsets.

    What stands inside a broken one is a part of it, and no answer by itself.
    """
    text, broken, objects, opened = text[:end], "", list[object](), -1
    looked, position = 0, text.find("{", begin)
    for _ in range(STARTS):
        if position < 0:
            break
        after = position + 1
        inside = opened >= 0 and _depth(text, opened, position) > 0
        try:
            entry, after = _read(text, position, looked < MENDED and not inside)
            if not inside:
                objects.append(entry)
        except Broken as error:
            looked += 1
            if _OBJECT.match(text, position):
                broken = broken or ("" if objects else str(error))
                opened, after = position, max(after, error.at)
        except (ValueError, RecursionError):
            pass
        position = text.find("{", after)
    return _Scan(objects, broken)


def _read(text: str, at: int, closely: bool) -> tuple[object, int]:
    """The object there, read loosely if need be; raises ValueError, or Broken with the reason."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, at)
    except (ValueError, RecursionError):
        if not closely:
            raise
    return read_loosely(text, at)


def _depth(text: str, begin: int, end: int) -> int:
    """How many brackets are open between two offsets, those in strings among them."""
    part = text[begin:end]
    return sum(map(part.count, "{[")) - sum(map(part.count, "}]"))


def _problems(error: ValidationError) -> str:
    """The first few, each with the place where it is."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    sentences = [
        f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in problems[:PROBLEMS]
    ]
    more = [f"and {len(problems) - PROBLEMS} more"] if len(problems) > PROBLEMS else []
    return "; ".join([*sentences, *more])[:LONGEST]
