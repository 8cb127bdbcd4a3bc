"""What a task tells the evolver: the types of its interface, and motifs from the literature."""

import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictFloat,
    StrictInt,
    ValidationError,
)

from ..sandbox.text import line
from .folder import TaskError

Kind = Literal[
    "int",
    "float",
    "bool",
    "scalar",
    "flag",
    "tensor",
    "mask",
    "string",
    "strings",  # {name: string}
    "tensors",  # {name: tensor}
    "slots",  # {slot: tensor or scalar}
    "states",  # {name: slots}
    "empty",  # {}
    "shape",
    "context",
    "none",
    "unknown",
    "bad",
]
KINDS: frozenset[str] = frozenset(get_args(Kind))
Group = Literal["value", "scalar", "parameter", "readout", "factor"]
GROUPS: tuple[Group, ...] = get_args(Group)
Place = Literal["any", "output"]


class MotifError(TaskError):
    """A motifs.toml that cannot be used; the message names the entry."""


def _kind(kind: object) -> Kind:
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{kind!r} is not a kind; use one of {', '.join(sorted(KINDS))}")
    return cast(Kind, kind)


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f"{name!r} is no name of Python: use letters, digits and _")
    return name


def _expression(text: str) -> str:
    _compile(text, "eval")
    return text


def _statement(text: str) -> str:
    _compile(text, "single")
    return text


def _function(text: str) -> str:
    if not text.lstrip().startswith("def "):
        raise ValueError("is no function: begin with def")
    _compile(f"{text}\n\n", "single")
    return text


def _compile(text: str, mode: str) -> None:
    """Raise ValueError for what is not one expression, or one statement, of Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text.lstrip(), "motifs.toml", mode, dont_inherit=True)
    except SyntaxError as error:
        raise ValueError(f"{line(text, 80)!r} is not Python: {error.msg}") from None
    except (RecursionError, MemoryError, OverflowError) as error:
        raise ValueError(f"{line(text, 80)!r} is no program: {type(error).__name__}") from None


KindName = Annotated[Kind, BeforeValidator(_kind)]
Identifier = Annotated[str, AfterValidator(_identifier)]
Expression = Annotated[str, AfterValidator(_expression)]
Statement = Annotated[str, AfterValidator(_statement)]
Function = Annotated[str, AfterValidator(_function)]
Number = StrictInt | StrictFloat  # a whole number stays one in the program
Choice = Number | Annotated[tuple[Number, ...], Field(min_length=1)]  # one of several is drawn
Prior = Annotated[float, Field(gt=0, strict=True)]


def usual(choice: float | tuple[float, ...]) -> float:
    """The number that a constant of a motif has, or the last of those it may have."""
    return choice[-1] if isinstance(choice, tuple) else choice


@dataclass(frozen=True)
class Signature:
    """One function of the interface: argument kinds in order, attribute kinds, results."""

    takes: Mapping[str, Kind]
    attributes: Mapping[str, Kind]
    gives: tuple[Kind, ...]


@dataclass(frozen=True, eq=False)
class Motif:
    """A short typed template that can be woven into a program.

    Templates are Python. They may name the hole `x` (the expression that is replaced), other holes,
    arguments of the interface, the motif's own constants, helper functions and locals, and
    `state[name]["slot"]` for the motif's own slots. Of a constant that is a list one number is
    drawn. `prior` is how often it is tried, next to the other motifs of its group.

    The types say what an entry of motifs.toml may hold; `facts` checks it.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(min_length=1)]
    source: str
    group: Group
    idea: str
    expression: Expression
    gives: KindName
    takes: Mapping[Identifier, KindName] = field(default_factory=dict[str, Kind])
    place: Place = "any"
    constants: Mapping[Identifier, Choice] = field(default_factory=dict[str, float])
    slots: Mapping[Identifier, Expression] = field(default_factory=dict[str, str])
    stores: Mapping[Identifier, Expression] = field(default_factory=dict[str, str])
    statements: tuple[Statement, ...] = ()
    helpers: tuple[Function, ...] = ()
    overrides: tuple[Function, ...] = ()
    prior: Prior = 1.0


@dataclass(frozen=True, eq=False)
class Facts:
    """A task's motifs.toml, checked."""

    functions: Mapping[str, Signature]
    motifs: tuple[Motif, ...]
    blends: tuple[Motif, ...]


def _signature(entry: object) -> Signature:
    if not isinstance(entry, dict) or not isinstance(entry.get("gives", []), list):
        raise ValueError("is no table of kinds in which `gives` is a list of them")
    arguments = {key: _kind(kind) for key, kind in entry.items() if key != "gives"}
    return Signature(
        {key: kind for key, kind in arguments.items() if "." not in key},
        {key: kind for key, kind in arguments.items() if "." in key},
        tuple(map(_kind, entry.get("gives", []))),
    )


def _stored(motif: Motif) -> Motif:
    if missing := set(motif.slots) ^ set(motif.stores):
        raise ValueError(f"slots and stores differ in {', '.join(sorted(missing))}")
    return motif


def _blend(entry: object) -> object:
    return {"group": "value", **entry} if isinstance(entry, dict) else entry


Entry = Annotated[Motif, AfterValidator(_stored)]


class _Document(BaseModel):
    """A motifs.toml as it is written."""

    model_config = ConfigDict(extra="forbid")

    types: Mapping[Identifier, Annotated[Signature, PlainValidator(_signature)]] = {}
    motif: tuple[Entry, ...] = ()
    blend: tuple[Annotated[Entry, BeforeValidator(_blend)], ...] = ()


@lru_cache(maxsize=32)
def facts(toml: bytes) -> Facts:
    """Read a motifs.toml; raises MotifError naming the entry that is wrong."""
    try:
        document = tomllib.loads(toml.decode())
    except (ValueError, RecursionError) as error:
        raise MotifError(f"motifs.toml is not TOML: {error}") from error
    try:
        read = _Document.model_validate(document)
    except ValidationError as error:
        raise MotifError(_sentence(error, document)) from error
    return Facts(read.types, read.motif, read.blend)


def _sentence(error: ValidationError, document: Mapping[str, Any]) -> str:
    """The first thing that is wrong with a motifs.toml, and the entry that it is in.

    A key that is missing comes last: it may be another one misspelt.
    """
    first = min(error.errors(), key=lambda fault: fault["type"] == "missing")
    place = list(first["loc"])
    if len(place) > 1 and isinstance(place[1], int):
        entry = document[str(place[0])][place[1]]
        name = entry.get("name", place[1] + 1) if isinstance(entry, dict) else place[1] + 1
        place[:2] = [f"{place[0]} {line(repr(name), 80)}"]
    where = ": ".join(map(str, place))
    return line(f"motifs.toml: {where}: {first['msg'].removeprefix('Value error, ')}", 500)
