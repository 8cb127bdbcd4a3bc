"""Forms: what a model is asked to fill in, as a strict JSON schema, and reading it back."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

# What strict schemas do not know; the form itself still checks the lengths.
_DROPPED = {"default", "title", "examples", "discriminator", "minLength", "maxLength"}
_DROPPED |= {"uniqueItems", "minProperties", "maxProperties"}
_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\n(.*?)```", re.DOTALL)
PROBLEMS, STARTS, LONGEST = 5, 1000, 400


def strict_schema(form: type[BaseModel]) -> dict[str, object]:
    """The JSON schema of a form, closed at every level, with every property required.

    Raises TypeError for a field that strict schemas cannot say: `dict[str, X]` (use a list of
    names and values), a tuple of fixed length, `object` or `Any`.
    """
    schema = form.model_json_schema()
    definitions = schema.pop("$defs", {})
    if reference := schema.pop("$ref", ""):  # a form that holds itself
        schema = {**definitions[reference.rpartition("/")[2]], **schema}
    if schema.get("type") != "object":
        raise TypeError(f"{form.__name__} is no object, as strict schemas have to be: add a field")
    closed = _closed(schema, form.__name__)
    if definitions:
        closed["$defs"] = {name: _closed(each, name) for name, each in definitions.items()}
    return closed


def _closed(schema: Mapping[str, object], place: str) -> dict[str, object]:
    """One level of a schema, and all below it; `place` names it in errors."""
    kept = {key: value for key, value in schema.items() if key not in _DROPPED}
    if not kept.keys() - {"description"}:
        raise TypeError(f"{place} may be anything, which strict schemas cannot say: give its type")
    if "prefixItems" in kept:
        raise TypeError(f"{place} is a tuple, which strict schemas cannot say: use a form or list")
    if "$ref" in kept and len(kept) > 1:
        kept = {**{k: v for k, v in kept.items() if k != "$ref"}, "anyOf": [{"$ref": kept["$ref"]}]}
    if "oneOf" in kept:
        kept["anyOf"] = kept.pop("oneOf")
    for key in ("anyOf", "allOf"):
        if isinstance(branches := kept.get(key), list):
            kept[key] = [_closed(branch, place) for branch in branches]
    if isinstance(items := kept.get("items"), dict):
        kept["items"] = _closed(items, f"{place}[]")
    return _object(kept, place) if kept.get("type") == "object" else kept


def _object(kept: dict[str, object], place: str) -> dict[str, object]:
    if kept.get("additionalProperties") not in (None, False):
        raise TypeError(
            f"{place} maps names to values, which strict schemas cannot say: use a list of forms "
            "with a name and a value"
        )
    fields = kept.get("properties")
    properties = fields if isinstance(fields, dict) else {}
    kept["properties"] = {n: _closed(each, f"{place}.{n}") for n, each in properties.items()}
    return {**kept, "required": list(properties), "additionalProperties": False}


def parse_reply(form: type[M], text: str) -> M:
    """The one JSON object in a text, as the form; a code fence or prose around it is borne.

    Raises ValueError with a short message that tells a model what to mend.
    """
    try:
        found = [json.loads(text, strict=False)]
    except (ValueError, RecursionError):
        found = list(_objects(text))
    if not found:
        raise ValueError(f"no complete JSON object in the reply: {_broken(text)}")
    valid, problems = list[M](), ""
    for each in found:
        try:
            valid.append(form.model_validate_json(json.dumps(each)))
        except ValidationError as error:
            problems = _problems(error)
    if not valid:
        raise ValueError(f"the JSON object does not fit {form.__name__}: {problems}")
    if any(other != valid[0] for other in valid):
        raise ValueError(f"{len(valid)} different JSON objects fit {form.__name__}: give one")
    return valid[0]


def _objects(text: str) -> Iterator[object]:
    """The outermost objects that parse: of what follows thoughts, in fences, or else anywhere."""
    said = text.rpartition("</think>")[2]
    fenced = [part for block in _FENCE.findall(said) for part in _scan(block)]
    yield from fenced or _scan(said)


def _scan(text: str) -> Iterator[object]:
    decoder, position = json.JSONDecoder(strict=False), text.find("{")
    for _ in range(STARTS):
        if position < 0:
            return
        try:
            found, end = decoder.raw_decode(text, position)
            yield found
        except (ValueError, RecursionError):
            end = position + 1
        position = text.find("{", end)


def _broken(text: str) -> str:
    start = text.find("{")
    if start < 0:
        return "it has no '{'"
    try:
        json.JSONDecoder(strict=False).raw_decode(text, start)
    except RecursionError:
        return "it is nested too deeply"
    except json.JSONDecodeError as error:
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is incomplete"


def _problems(error: ValidationError) -> str:
    """The first few, each with the place where it is."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    said = [f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in found[:PROBLEMS]]
    more = [f"and {len(found) - PROBLEMS} more"] if len(found) > PROBLEMS else []
    return "; ".join([*said, *more])[:LONGEST]
