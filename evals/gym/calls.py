"""The tools of an episode: a small record for each call, and how JSON becomes one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError
from pydantic_core import from_json

from ...sandbox.text import line
from ...tasks import Frozen

LONGEST_ACTION = 131_072  # characters


class ActionError(ValueError):
    """An action that cannot be carried out. The message says why; nothing has changed."""


def _strict(schema: dict[str, Any]) -> None:
    """Change a schema to what strict function calling takes: all required, none with a default."""
    schema["required"] = list(schema["properties"])
    for property_schema in schema["properties"].values():
        property_schema.pop("default", None)


class _Tool(Frozen):
    model_config = ConfigDict(json_schema_extra=_strict)


class View(_Tool):
    """Show an editable file with line numbers, or only the lines `first` to `last`, from 1."""

    tool: Literal["view"] = "view"
    file: str
    first: int | None = None
    last: int | None = None


class Edit(_Tool):
    """Replace the text `old`, which must occur exactly once in the file, with `new`."""

    tool: Literal["edit"] = "edit"
    file: str
    old: str
    new: str


class Write(_Tool):
    """Replace the whole text of an editable file."""

    tool: Literal["write"] = "write"
    file: str
    text: str


class Run(_Tool):
    """Check what the program may not do, then run it for a moment on tiny tensors."""

    tool: Literal["run"] = "run"


class Validate(_Tool):
    """Measure the program on the search seeds: its gain over the start, with a 95 % interval."""

    tool: Literal["validate"] = "validate"


class Submit(_Tool):
    """Hand in the program as it stands, and end the episode."""

    tool: Literal["submit"] = "submit"


class Replace(Frozen):
    """The other form of an action: new texts of editable files, which are then validated."""

    files: Mapping[str, str]


Call = View | Edit | Write | Run | Validate | Submit
Action = Call | Replace
TOOLS: Mapping[str, type[Call]] = MappingProxyType(
    {
        "view": View,
        "edit": Edit,
        "write": Write,
        "run": Run,
        "validate": Validate,
        "submit": Submit,
    }
)


def parse(text: str) -> Action:
    """The action that a JSON text states; raises ActionError, in a sentence, if it states none."""
    if len(text) > LONGEST_ACTION:
        raise ActionError(f"the action has {len(text)} characters, {LONGEST_ACTION} are the most")
    try:
        data = from_json(text.encode())
    except ValueError as error:
        raise ActionError(f"the action is not JSON: {line(str(error), 200)}") from None
    if not isinstance(data, dict):
        raise ActionError('the action is not a JSON object such as {"tool": "run"}')
    form = _form(data)
    try:
        return form.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ActionError(line(f"{form.__name__.lower()}: {where}: {first['msg']}", 300)) from None


def _form(data: Mapping[str, object]) -> type[Call | Replace]:
    if "tool" not in data and "files" in data:
        return Replace
    tool = data.get("tool")
    if isinstance(tool, str) and tool in TOOLS:
        return TOOLS[tool]
    fault = f"there is no tool {line(repr(tool), 60)}" if "tool" in data else "no tool is named"
    raise ActionError(f"{fault}: the tools are {', '.join(TOOLS)}")
