"""Where a PyTorch program makes its optimizer, computes its loss, and steps."""

from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from ..evolve.scope import dotted
from ..evolve.tree import Path, at, code
from .script import Script, Where

# The optimizers of PyTorch whose arguments mean the same, and those that the pack brings along.
ADAPTIVE = frozenset(("Adam", "AdamW", "NAdam", "RAdam"))
SHIPPED = frozenset(("Lion", "MuonLike", "ScheduleFree"))
OPTIMIZERS = ADAPTIVE | SHIPPED | {"SGD", "RMSprop", "Adagrad", "Adamax"}


class Optimizer(NamedTuple):
    """A statement `target = kind(params, ...)`; `path` leads to the call."""

    path: Path
    call: cst.Call
    target: str
    kind: str

    @property
    def params(self) -> str:
        """The text of what it updates."""
        return code(self.call.args[0].value)

    def keyword(self, name: str) -> int | None:
        """The index of an argument that is given by keyword."""
        for index, argument in enumerate(self.call.args):
            if argument.keyword is not None and argument.keyword.value == name:
                return index
        return None


class Step(NamedTuple):
    """A statement `target.step()` in a loop; `var` counts the innermost loop over `range(total)`.

    Where no loop around it does that, both are "".
    """

    path: Path
    target: str
    where: Where
    var: str
    total: str

    @property
    def outermost(self) -> Path:
        """The path of the outermost loop of its function."""
        return self.where.loops[0]


def optimizers(script: Script) -> list[Optimizer]:
    """Where the program makes an optimizer."""
    found: list[Optimizer] = []
    for part in script.parts:
        node = part.node
        if not isinstance(node, cst.Assign) or not isinstance(node.value, cst.Call):
            continue
        call, target = node.value, dotted(node.targets[0].target)
        name = dotted(call.func)
        kind = name.rpartition(".")[2]
        full = script.full(call.func)
        ours = kind in SHIPPED and name == kind
        plain = bool(call.args) and call.args[0].keyword is None and not call.args[0].star
        if target and plain and kind in OPTIMIZERS and (ours or full.startswith("torch.optim")):
            found.append(Optimizer((*part.path, "value"), call, target, kind))
    return found


def steps(script: Script) -> list[Step]:
    """Where the program steps, of statements that are in a loop."""
    known = {_last(optimizer.target) for optimizer in optimizers(script)}
    return [
        Step(part.path, target, part.where, *_counted(script, part.where))
        for part, target in _calls(script, "step")
        if part.where.loops and _last(target) in known
    ]


def lines(script: Script) -> Iterator[tuple[Path, cst.SimpleStatementLine, Where]]:
    """Every line of the program."""
    for part in script.parts:
        if isinstance(part.node, cst.SimpleStatementLine):
            yield part.path, part.node, part.where


def _calls(script: Script, method: str) -> list[tuple["_Line", str]]:
    """The lines `owner.method(...)`, each with its owner's text."""
    found: list[tuple[_Line, str]] = []
    for path, node, where in lines(script):
        only = node.body[0]
        if len(node.body) == 1 and isinstance(only, cst.Expr) and isinstance(only.value, cst.Call):
            owner, _, last = dotted(only.value.func).rpartition(".")
            if last == method and owner:
                found.append((_Line(path, where), owner))
    return found


class _Line(NamedTuple):
    path: Path
    where: Where


def _counted(script: Script, where: Where) -> tuple[str, str]:
    """The counter and the count of the innermost loop over a range."""
    for path in reversed(where.loops):
        loop = at(script.module, path)
        if not isinstance(loop, cst.For) or not isinstance(loop.target, cst.Name):
            continue
        call = loop.iter
        if isinstance(call, cst.Call) and dotted(call.func) in ("range", "trange"):
            plain = [argument for argument in call.args if argument.keyword is None]
            if len(plain) == 1:
                return loop.target.value, code(plain[0].value)
    return "", ""


def backwards(script: Script) -> set[tuple[str, str]]:
    """The names on which `backward` is called, each with its function."""
    return {(line.where.function, owner) for line, owner in _calls(script, "backward")}


def _last(name: str) -> str:
    return name.rpartition(".")[2]
