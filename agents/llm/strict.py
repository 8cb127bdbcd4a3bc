"""Forms: what a model is asked to fill in, as a strict JSON schema."""

from collections.abc import Mapping

from pydantic import BaseModel

# What strict schemas do not know; the form itself still checks the lengths.
_DROPPED = {"default", "title", "examples", "discriminator", "minLength", "maxLength"}
_DROPPED |= {"uniqueItems", "minProperties", "maxProperties"}


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
        closed["$defs"] = {
            name: _closed(definition, name) for name, definition in definitions.items()
        }
    return closed


def _closed(schema: Mapping[str, object], place: str) -> dict[str, object]:
    """Close one level of a schema and all below it; `place` names it in errors."""
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
    kept["properties"] = {n: _closed(schema, f"{place}.{n}") for n, schema in properties.items()}
    return {**kept, "required": list(properties), "additionalProperties": False}
