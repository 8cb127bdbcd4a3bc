"""A program as a list of its parts: where each stands, and what it is part of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import libcst as cst

from ..evolve.scope import dotted
from ..evolve.tree import Path, at, code

LAYOUT = ("whitespace", "leading_lines", "lines_after", "lpar", "rpar")
UNREAD = frozenset(
    ("annotation", "asname", "comma", "decorators", "footer", "header", "operator", "returns")
)
DRAWS = frozenset(("normal", "permutation", "rand", "randint", "randn", "randperm", "random"))
DRAWS |= {"choice", "choices", "gauss", "multinomial", "sample", "shuffle", "uniform"}
READS = frozenset(("load", "loadtxt", "open", "read_bytes", "read_csv", "read_text"))
LEARNS = frozenset(("backward", "step", "load_state_dict", "parameters", "super"))
SCORES = frozenset(("accuracy", "eval", "evaluate", "metric", "score", "test", "val", "validate"))


class Where(NamedTuple):
    """What a part is inside of.

    `function` is the dotted name of the function or class, "" at the top. `loops` are the paths of
    the loops around it in that function. `kept` parts make data, fix seeds or score: no edit means
    them.
    """

    function: str = ""
    loops: tuple[Path, ...] = ()
    kept: bool = False


class Part(NamedTuple):
    """An expression or a statement of a program."""

    path: Path
    node: cst.CSTNode
    where: Where

    @property
    def place(self) -> str:
        """Where the part stands, in words."""
        return self.where.function or "the module"


@dataclass(frozen=True, eq=False)
class Script:
    """A program without types."""

    module: cst.Module

    @cached_property
    def source(self) -> str:
        """The program as text."""
        return self.module.code

    @cached_property
    def parts(self) -> list[Part]:
        """Every part, outer ones before those inside of them."""
        return list(_walk(self.module, (), Where()))

    @cached_property
    def parameters(self) -> Mapping[str, list[str]]:
        """The names of the parameters of each function at the top, and of what makes each class."""
        parameters: dict[str, list[str]] = {}
        for node in self.module.body:
            if isinstance(node, cst.FunctionDef):
                parameters[node.name.value] = _parameters(node)
            elif isinstance(node, cst.ClassDef):
                for part in node.body.body:
                    if isinstance(part, cst.FunctionDef) and part.name.value == "__init__":
                        parameters[node.name.value] = _parameters(part)[1:]
        return parameters

    @cached_property
    def makers(self) -> frozenset[str]:
        """The functions at the top that make data, fix seeds or score."""
        functions = [node for node in self.module.body if isinstance(node, cst.FunctionDef)]
        return frozenset(node.name.value for node in functions if _keeps(node))

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """What each imported name stands for, dotted."""
        names: dict[str, str] = {}
        for part in self.parts:
            node = part.node
            if isinstance(node, cst.Import):
                for alias in node.names:
                    full = dotted(alias.name)
                    bound = _alias(alias)
                    names[bound or full.partition(".")[0]] = full if bound else full.split(".")[0]
            elif isinstance(node, cst.ImportFrom) and not isinstance(node.names, cst.ImportStar):
                module = dotted(node.module) if node.module else ""
                for alias in node.names:
                    own = dotted(alias.name)
                    names[_alias(alias) or own] = f"{module}.{own}"
        return names

    def full(self, node: cst.BaseExpression) -> str:
        """The dotted name of what an expression names, such as `torch.optim.SGD`; or ""."""
        first, _, rest = dotted(node).partition(".")
        known = self.imported.get(first, "")
        return f"{known}.{rest}" if known and rest else known

    def inside(self, path: Path) -> Where:
        """What the part at `path` is inside of."""
        return next(part.where for part in self.parts if part.path == path)


@lru_cache(maxsize=128)
def read_script(source: str) -> Script:
    """Parse a program; raises libcst.ParserSyntaxError where it is not Python."""
    return Script(cst.parse_module(source))


def words_of(name: str) -> set[str]:
    """The words of a name such as `batch_size` or `batchSize`, in small letters."""
    spaced = "".join(f" {c.lower()}" if c.isupper() and not name.isupper() else c for c in name)
    return set(spaced.lower().replace("_", " ").replace("-", " ").replace(".", " ").split())


def _walk(node: cst.CSTNode, path: Path, where: Where) -> Iterator[Part]:
    yield Part(path, node, where)
    inner = _entered(node, path, where)
    for field in fields(node):
        if field.name in UNREAD or field.name.startswith(LAYOUT):
            continue
        value: Any = getattr(node, field.name)
        if isinstance(value, cst.CSTNode):
            yield from _walk(value, (*path, field.name), inner)
        elif isinstance(value, tuple | list):
            for index, item in enumerate(value):
                if isinstance(item, cst.CSTNode):
                    yield from _walk(item, (*path, field.name, index), inner)


def _entered(node: cst.CSTNode, path: Path, where: Where) -> Where:
    """What the parts of a node are inside of."""
    match node:
        case cst.FunctionDef() | cst.ClassDef():
            name = f"{where.function}.{node.name.value}".lstrip(".")
            kept = where.kept or (isinstance(node, cst.FunctionDef) and _keeps(node))
            return Where(name, (), kept)
        case cst.For() | cst.While():
            return where._replace(loops=(*where.loops, path))
        case cst.With() if "no_grad" in (text := code(node.items[0].item)) or "inference" in text:
            return where._replace(kept=True)
        case _:
            return where


def _keeps(node: cst.FunctionDef) -> bool:
    """Whether a function makes data or scores, as far as its words tell."""
    if words_of(node.name.value) & SCORES:
        return True
    text = code(node)
    own = set(text.replace("(", " ").replace(".", " ").replace(",", " ").split())
    return bool(own & (DRAWS | READS)) and not own & LEARNS


def _parameters(node: cst.FunctionDef) -> list[str]:
    return [given.name.value for given in (*node.params.posonly_params, *node.params.params)]


def _alias(alias: cst.ImportAlias) -> str:
    name = alias.asname.name if alias.asname else None
    return name.value if isinstance(name, cst.Name) else ""


def block_of(script: Script, path: Path) -> tuple[Path, int]:
    """The path of the statements that the statement around `path` is among, and its index."""
    for depth in range(len(path), 0, -1):
        node = at(script.module, path[:depth])
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            index = path[depth - 1]
            assert isinstance(index, int)
            return path[: depth - 1], index
    raise ValueError("a part that is in no statement")
