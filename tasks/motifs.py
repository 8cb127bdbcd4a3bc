"""What a task tells the evolver: the types of its interface, and motifs from the literature."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, cast, get_args

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
Group = Literal["value", "scalar", "parameter", "readout"]
GROUPS: tuple[Group, ...] = ("value", "scalar", "parameter", "readout")
Place = Literal["any", "output"]


class MotifError(Exception):
    """A motifs.toml that cannot be used; the message names the entry."""

    exit_code = 2


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
    `state[name]["slot"]` for the motif's own slots. `prior` is how often it is tried, next to the
    other motifs of its group.
    """

    name: str
    source: str
    group: Group
    idea: str
    expression: str
    gives: Kind
    takes: Mapping[str, Kind] = field(default_factory=dict[str, Kind])
    place: Place = "any"
    constants: Mapping[str, float] = field(default_factory=dict[str, float])
    slots: Mapping[str, str] = field(default_factory=dict[str, str])
    stores: Mapping[str, str] = field(default_factory=dict[str, str])
    statements: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    prior: float = 1.0


@dataclass(frozen=True, eq=False)
class Facts:
    """A task's motifs.toml, checked."""

    functions: Mapping[str, Signature]
    motifs: tuple[Motif, ...]
    blends: tuple[Motif, ...]


@lru_cache(maxsize=32)
def facts(toml: bytes) -> Facts:
    """Read a motifs.toml; raises MotifError naming the entry that is wrong."""
    try:
        document = tomllib.loads(toml.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MotifError(f"motifs.toml is not TOML: {error}") from error
    return Facts(
        {name: _signature(name, entry) for name, entry in document.get("types", {}).items()},
        tuple(_motif(entry) for entry in document.get("motif", [])),
        tuple(_motif({"group": "value", **entry}) for entry in document.get("blend", [])),
    )


def _signature(name: str, entry: Mapping[str, Any]) -> Signature:
    arguments = {key: _kind(name, kind) for key, kind in entry.items() if key != "gives"}
    return Signature(
        {key: kind for key, kind in arguments.items() if "." not in key},
        {key: kind for key, kind in arguments.items() if "." in key},
        tuple(_kind(name, kind) for kind in entry.get("gives", ())),
    )


def _motif(entry: Mapping[str, Any]) -> Motif:
    name = entry.get("name", "?")
    try:
        motif = Motif(
            **{
                **entry,
                "takes": {hole: _kind(name, kind) for hole, kind in entry.get("takes", {}).items()},
                "gives": _kind(name, entry.get("gives")),
                "statements": tuple(entry.get("statements", ())),
                "helpers": tuple(entry.get("helpers", ())),
                "overrides": tuple(entry.get("overrides", ())),
            }
        )
    except TypeError as error:
        raise MotifError(f"motif {name!r}: {error}") from error
    if motif.group not in GROUPS or motif.place not in ("any", "output"):
        raise MotifError(f"motif {name!r}: group or place is none of those known")
    if not motif.prior > 0:
        raise MotifError(f"motif {name!r}: prior {motif.prior} is not above zero")
    if missing := set(motif.slots) ^ set(motif.stores):
        raise MotifError(f"motif {name!r}: slot and store differ in {', '.join(sorted(missing))}")
    return motif


def _kind(owner: str, kind: object) -> Kind:
    if kind not in KINDS:
        raise MotifError(
            f"{owner!r}: {kind!r} is not a kind; use one of {', '.join(sorted(KINDS))}"
        )
    return cast(Kind, kind)
