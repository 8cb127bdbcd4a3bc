"""The records of a program that has been read: where things are, and what is known at each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst

from ...tasks.motifs import Facts, Kind
from .kinds import Type
from .names import names
from .scope import Env, dotted
from .tree import Path, at, code

ROOTS = frozenset(("math.sqrt", "math.log", "math.log2", "math.log10", "math.pow"))


@dataclass(frozen=True)
class Spot:
    """A statement, what is known before it runs, and where it stands.

    `plain` spots are not inside a branch: what is assigned there is assigned for good.
    """

    path: Path
    node: cst.CSTNode
    env: Env
    function: str
    plain: bool
    keyed: bool

    @property
    def block(self) -> Path:
        """The path of the statements that this one is among."""
        return self.path[:-1]

    @property
    def final(self) -> bool:
        """Whether control ends here."""
        node = self.node
        return isinstance(node, cst.SimpleStatementLine) and isinstance(
            node.body[-1], cst.Return | cst.Raise
        )

    @property
    def dispensable(self) -> bool:
        """Whether the statement may be left out: it binds names, sets no entry, ends nothing."""
        own = names(self.node)
        return bool(own.binds) and not own.sets_items and not self.final

    @property
    def assigned(self) -> str:
        """The one name that the statement assigns, if that is all it does."""
        node = self.node
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
            return ""
        only = node.body[0]
        if not isinstance(only, cst.Assign) or len(only.targets) != 1:
            return ""
        target = only.targets[0].target
        return target.value if isinstance(target, cst.Name) else ""

    @property
    def quoted(self) -> str:
        """The first line of the statement, without comments."""
        lines = [line.split("  #")[0].strip() for line in code(self.node).splitlines()]
        return next((line for line in lines if line and not line.startswith("#")), "")

    def dominates(self, other: "Spot") -> bool:
        """Whether this statement has always run when `other` does, or is `other`."""
        depth = len(self.path)
        return other.path[: depth - 1] == self.block and other.path[:depth] >= self.path


@dataclass(frozen=True)
class Site:
    """An expression of known numeric type."""

    path: Path
    node: cst.BaseExpression
    type: Type
    env: Env
    spot: Spot
    inline: bool

    @property
    def kind(self) -> Kind:
        """The kind of value that the expression has."""
        return self.type.kind

    @property
    def whole(self) -> bool:
        """Whether the expression is all that a statement assigns."""
        line = self.spot.node
        if not isinstance(line, cst.SimpleStatementLine):
            return False
        return any(
            isinstance(small, cst.Assign) and small.value is self.node for small in line.body
        )


@dataclass(frozen=True)
class Store:
    """A dict literal that holds the state slots of one parameter."""

    path: Path
    node: cst.Dict
    env: Env
    spot: Spot


@dataclass
class Program:
    """One version of a program, with all that edits need to know of it.

    A `dynamic` program handles the slots of its state other than by constant names.
    """

    module: cst.Module
    facts: Facts
    sites: list[Site] = field(default_factory=list[Site])
    spots: list[Spot] = field(default_factory=list[Spot])
    stores: list[Store] = field(default_factory=list[Store])
    outputs: set[Path] = field(default_factory=set[Path])
    constants: dict[str, Path] = field(default_factory=dict[str, Path])
    helpers: dict[str, Path] = field(default_factory=dict[str, Path])
    modules: dict[str, str] = field(default_factory=dict[str, str])
    slots: dict[str, Kind] = field(default_factory=dict[str, Kind])
    results: dict[str, tuple[Kind, ...]] = field(default_factory=dict[str, tuple[Kind, ...]])
    problems: Counter[str] = field(default_factory=Counter[str])
    dynamic: bool = False

    @cached_property
    def source(self) -> str:
        """The program as text."""
        return self.module.code

    @cached_property
    def delicate(self) -> frozenset[Path]:
        """Python numbers that must not be zero or negative: in quotients, roots and powers."""
        kinds = {site.path: site.kind for site in self.sites}
        return frozenset(
            path
            for path, kind in kinds.items()
            if kind in ("int", "float") and self._delicate(path, kinds)
        )

    def _delicate(self, path: Path, kinds: Mapping[Path, Kind]) -> bool:
        above = at(self.module, path[:-1])
        if isinstance(above, cst.BinaryOperation) and isinstance(above.operator, cst.Power):
            return path[-1] == "left" and kinds.get((*path[:-1], "right")) == "float"
        if isinstance(above, cst.BinaryOperation) and isinstance(above.operator, cst.Divide):
            return path[-1] == "right"
        return path[-3:-2] == ("args",) and dotted(at(self.module, path[:-3]).func) in ROOTS

    def fragile(self, site: Site) -> bool:
        """Whether an expression is, or is within, a number that not any value may replace."""
        return any(site.path[:depth] in self.delicate for depth in range(len(site.path) + 1))

    def home(self, site: Site) -> Path:
        """Where an expression is sure to work: a helper or a slot may suit some tensors only."""
        own = names(site.node)
        if not own.slots and own.reads.isdisjoint(self.helpers):
            return ()
        for depth in range(len(site.path) - 1, len(site.spot.path), -1):
            if isinstance(at(self.module, site.path[:depth]), cst.IfExp):
                return site.path[: depth + 1]
        return site.spot.block

    def outside(self, site: Site) -> bool:
        """Whether the program returns the value."""
        return site.path in self.outputs
