"""The edge at which rows of an archive become records, whoever wrote them.

Nothing is believed: types, ranges, and what rows say of each other are checked. The error names the
row that does not hold.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from ..sandbox import Isolation
from ..sandbox.text import is_visible, line
from ..tasks import Frozen
from .cells import Unreadable
from .node import Node
from .place import ArchiveError

Record = TypeVar("Record", bound=BaseModel)


def _shown(text: str) -> str:
    if "\n" in text or not is_visible(text):
        raise ValueError("holds characters that are not text")
    return text


Label = Annotated[str, StringConstraints(max_length=500), AfterValidator(_shown)]
# The length apart from the pattern: unrolled 200 times, this one takes 0.2 s to compile.
RunName = Annotated[str, StringConstraints(pattern=r"^[\w-]+$", max_length=200)]
Number = Annotated[int, Field(ge=0, lt=2**31)]
Digests = Mapping[Label, Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]]


def as_record(model: type[Record], data: object, row: str, archive: str) -> Record:
    """A cell, or a row of cells, as a record; raises ArchiveError that names `row` if it is none.

    `archive` is what may be printed of the archive's place.
    """
    for cell in data.values() if isinstance(data, dict) else [data]:
        if isinstance(cell, Unreadable):
            raise damaged(archive, row, cell.why)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        why = f"{field}: {first['msg']}" if field else first["msg"]
        raise damaged(archive, row, why) from None


def damaged(archive: str, row: str, why: str) -> ArchiveError:
    """The error that says which row cannot be used, and why."""
    return ArchiveError(
        f"the archive {archive} holds {line(row, 200)} that cannot be read: {line(why, 300)}"
    )


class RunRow(Frozen):
    """A row of the runs; the configuration is checked apart."""

    id: RunName
    task: Label
    files: Digests
    created: Annotated[Label, StringConstraints(max_length=40)]
    config: Mapping[str, Any]


class NodeRow(Frozen):
    """A row of the nodes, or of their later states (which have a turn)."""

    run: RunName
    number: Number
    turn: Number | None = None
    files: Digests = Field(default_factory=dict)
    data: Mapping[str, Any]


class EventRow(Frozen):
    """A row of the events."""

    id: int
    run: RunName
    time: Annotated[Label, StringConstraints(max_length=40)]
    kind: Label
    data: Mapping[str, Any]


class Validated(Frozen):
    """The event that makes a node one that may be built on."""

    number: Number
    isolation: Isolation


class Checked(Frozen):
    """The event that says that a replay has repeated a node's seeds beside others."""

    number: Number


class Environment(Frozen):
    """What trials were measured under."""

    data: Mapping[Label, Annotated[str, StringConstraints(max_length=4000)]]


class Reply(Frozen):
    """A reply of a language model with its request, as the cassette knows them."""

    data: Mapping[str, Any]


def contradiction(states: Sequence[Node]) -> tuple[Node, str] | None:
    """The first state of a node that the others do not bear out, and how; states come by turn.

    So lineages end, comparisons are with what is there, and a child is newer than its parent.
    """
    first: dict[int, Node] = {}
    for node in states:
        if why := _fault(node, first):
            return node, why
        first.setdefault(node.number, node)
    return None


def _fault(node: Node, earlier: Mapping[int, Node]) -> str:
    """What is wrong with a state, given the first states of the nodes before it."""
    claims = node.verdict.claims if node.verdict else ()
    named = [claim.versus for claim in claims]
    named += [evidence.versus for evidence in node.evidence if evidence.versus is not None]
    if 0 not in earlier and (node.number or node.verdict is not None):
        return "the start, node 0, is missing before it"
    if node.kept and node.parent is None:
        return "it has no parent"
    if node.parent is not None and not (node.parent in earlier and node.parent < node.number):
        return f"its parent {node.parent} is no older node"
    if alien := [number for number in named if not (number in earlier and number < node.number)]:
        return f"it was compared with {alien[0]}, which is no older node"
    if any(claim.level == 0 for claim in claims):
        return "it made a claim at no level of error"
    first = earlier.get(node.number, node)
    if (first.canonical, first.kind, first.parent) != (node.canonical, node.kind, node.parent):
        return "a later state of it is another program"
    return ""
