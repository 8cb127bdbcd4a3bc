"""Where a PyTorch program makes its optimizer, computes its loss, and steps."""

from collections.abc import Sequence
from typing import NamedTuple

import libcst as cst

from ..evolve.scope import dotted
from ..evolve.tree import Path, at, code
from .script import Part, Script

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
    """A statement `target.step()`, and the path of the outermost loop in which one optimizer steps.

    `var` counts the outermost such loop over `range(total)`. Where none is, both are "".
    """

    path: Path
    target: str
    outermost: Path
    var: str
    total: str


def optimizers(script: Script) -> list[Optimizer]:
    """Where the program makes an optimizer."""
    made: list[Optimizer] = []
    for part in script.parts:
        node = part.node
        if not isinstance(node, cst.Assign) or not isinstance(node.value, cst.Call):
            continue
        call, target = node.value, dotted(node.targets[0].target)
        name = dotted(call.func)
        kind = name.rpartition(".")[2]
        full = script.full(call.func)
        ours = kind in SHIPPED and name == kind
        plain = bool(call.args) and call.args[0].keyword is None
        plain = plain and not any(argument.star for argument in call.args)
        if target and plain and kind in OPTIMIZERS and (ours or full.startswith("torch.optim")):
            made.append(Optimizer((*part.path, "value"), call, target, kind))
    return made


def steps(script: Script) -> list[Step]:
    """Where the program steps, of statements that are in a loop behind the optimizer's making."""
    makings = {_last(one.target): one.path for one in optimizers(script)}
    taken: list[Step] = []
    for line, target in _calls(script, "step"):
        making = makings.get(_last(target))
        if making is None:
            continue
        loops = [path for path in line.where.loops if making[: len(path)] != path]
        if loops:
            taken.append(Step(line.path, target, loops[0], *_counted(script, loops)))
    return taken


def _calls(script: Script, method: str) -> list[tuple[Part, str]]:
    """The lines `owner.method()`, each with its owner's text."""
    owners: list[tuple[Part, str]] = []
    for part in script.parts:
        only = part.node.body[0] if isinstance(part.node, cst.SimpleStatementLine) else None
        if isinstance(only, cst.Expr) and isinstance(only.value, cst.Call) and not only.value.args:
            owner, _, last = dotted(only.value.func).rpartition(".")
            if last == method and owner:
                owners.append((part, owner))
    return owners


def _counted(script: Script, loops: Sequence[Path]) -> tuple[str, str]:
    """The counter and the count of the outermost loop over a range."""
    for path in loops:
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


def ungrouped(script: Script, one: Optimizer) -> bool:
    """Whether an optimizer takes all parameters alike, in an expression that can be read twice."""
    given = one.call.args[0].value
    if isinstance(given, cst.Call):
        return isinstance(given.func, cst.Attribute) and given.func.attr.value == "parameters"
    if not isinstance(given, cst.Name):
        return False
    nodes = [part.node for part in script.parts if isinstance(part.node, cst.Assign)]
    made = [node.value for node in nodes if dotted(node.targets[0].target) == given.value]
    return len(made) == 1 and isinstance(made[0], cst.List) and "{" not in code(made[0])


def _last(name: str) -> str:
    return name.rpartition(".")[2]
