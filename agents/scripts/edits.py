"""Edits of ordinary programs that need nothing but their text, and what they take from others."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

import libcst as cst

from ...evals.syntax import undefined
from ..evolve.constants import Edit, Edited, literal, shown
from ..evolve.guide import Guide
from ..evolve.names import reads
from ..evolve.scope import dotted
from ..evolve.tree import Path, after, at, before, code, drop, rewrite, swap
from .numbers import numbers_of
from .script import Script, words_of

# Words of functions that keep the shape of what they take.
_ALIKE = "act activation drop dropout elu gelu ln mish norm relu sigmoid silu tanh"
ALIKE = frozenset(_ALIKE.split())
# Calls that may be left out, for what they do is to improve.
EXTRA = frozenset(("apply", "clip_grad_norm_", "clip_grad_value_", "constant_", "kaiming_normal_"))
EXTRA |= {"kaiming_uniform_", "normal_", "orthogonal_", "trunc_normal_", "uniform_", "zeros_"}
EXTRA |= {"xavier_normal_", "xavier_uniform_"}


class Line(NamedTuple):
    """A statement that may be left out; `target` is what it updates in place, or ""."""

    path: Path
    node: cst.SimpleStatementLine
    place: str
    target: str

    @property
    def quoted(self) -> str:
        """Its text, without comments."""
        return code(self.node.with_changes(leading_lines=[])).split("  #")[0].strip()


def lines_of(script: Script) -> list[Line]:
    """The statements that a program also runs without."""
    lines: list[Line] = []
    for part in script.parts:
        node = part.node
        if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1 or part.where.kept:
            continue
        if not isinstance(part.path[-1], int):
            continue
        target = _updated(node.body[0])
        if target or _extra(node.body[0]):
            lines.append(Line(part.path, node, part.place, target))
    return lines


def _updated(node: cst.BaseSmallStatement) -> str:
    """The local that a statement gives a new value of the same shape."""
    if isinstance(node, cst.AugAssign) and isinstance(node.target, cst.Name):
        return node.target.value
    if not isinstance(node, cst.Assign) or len(node.targets) != 1:
        return ""
    target, value = node.targets[0].target, node.value
    if not isinstance(target, cst.Name):
        return ""
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Add):
        sides = [code(value.left), code(value.right)]
        return target.value if target.value in sides else ""
    if isinstance(value, cst.Call) and value.args and code(value.args[0].value) == target.value:
        return target.value if words_of(dotted(value.func)) & ALIKE else ""
    return ""


def _extra(node: cst.BaseSmallStatement) -> bool:
    called = isinstance(node, cst.Expr) and isinstance(node.value, cst.Call)
    return called and dotted(node.value.func).rpartition(".")[2] in EXTRA  # type: ignore[attr-defined]


def leave_out(script: Script, rng: Random, guide: Guide) -> Edited:
    """Remove a statement that the program also runs without."""
    lines = lines_of(script)
    if not lines:
        return None
    one = guide.pick(lines, rng, lambda line: line.place)
    module = rewrite(script.module, [(one.path, drop())])
    return Edit(module, f"Removed `{one.quoted}`", place=one.place)


def repeat(script: Script, rng: Random, guide: Guide) -> Edited:
    """Run a statement twice that keeps the shape of what it updates."""
    lines = [line for line in lines_of(script) if line.target]
    if not lines:
        return None
    one = guide.pick(lines, rng, lambda line: line.place)
    again = one.node.with_changes(leading_lines=[])
    module = rewrite(script.module, [(one.path, after(again))])
    return Edit(module, f"Repeated `{one.quoted}`", place=one.place)


def swap_lines(script: Script, rng: Random, guide: Guide) -> Edited:
    """Let two neighbouring updates of one local change places."""
    lines = [line for line in lines_of(script) if line.target]
    pairs = [
        (one, other)
        for one in lines
        for other in lines
        if one.path[:-1] == other.path[:-1] and one.target == other.target
        if one.path[-1] + 1 == other.path[-1]  # type: ignore[operator]  # both count statements
        and code(one.node) != code(other.node)
    ]
    if not pairs:
        return None
    one, other = guide.pick(pairs, rng, lambda pair: pair[0].place)
    module = rewrite(script.module, [(one.path, swap(other.node)), (other.path, swap(one.node))])
    return Edit(module, f"Swapped `{one.quoted}` and `{other.quoted}`", place=one.place)


def take_numbers(script: Script, rng: Random, donors: Sequence[Script], guide: Guide) -> Edited:
    """Take over the values that another program has under the same names."""
    if not donors:
        return None
    theirs = {(n.where.function, n.name): n.value for n in numbers_of(rng.choice(donors)) if n.name}
    differing = [
        (one, theirs[key])
        for one in numbers_of(script)
        if one.name and (key := (one.where.function, one.name)) in theirs
        if theirs[key] != one.value and type(theirs[key]) is type(one.value)
    ]
    if not differing:
        return None
    chosen = [pair for pair in differing if rng.random() < 0.5] or [rng.choice(differing)]
    module = rewrite(script.module, [(one.path, swap(literal(new))) for one, new in chosen])
    values = ", ".join(f"{one.name} = {shown(new)}" for one, new in chosen)
    return Edit(module, f"Took {values} from another program")


def take_function(script: Script, rng: Random, donors: Sequence[Script], guide: Guide) -> Edited:
    """Do a function, a method or a class as another program does it, with what that needs."""
    if not donors:
        return None
    donor = rng.choice(donors)
    ours, theirs = dict(_defined(script)), dict(_defined(donor))
    names = [n for n in ours if n in theirs and _exchangeable(script, donor, ours[n], theirs[n])]
    if not names:
        return None
    name = guide.pick(names, rng, str)
    new = at(donor.module, theirs[name])
    old = at(script.module, ours[name])
    changes = [(ours[name], swap(new.with_changes(leading_lines=old.leading_lines)))]
    module = rewrite(script.module, changes)
    brought = _missing(module, donor)
    if brought:
        module = rewrite(module, [(_home(module), before(*brought))])
    return Edit(module, f"Took over how another program does `{name}`", place=name)


def _defined(script: Script) -> Iterator[tuple[str, Path]]:
    """Functions, classes and methods, by dotted name."""
    for part, inner in pairwise(script.parts):
        node = part.node
        if isinstance(node, cst.FunctionDef | cst.ClassDef) and not part.where.loops:
            name = f"{part.where.function}.{node.name.value}".lstrip(".")
            if not inner.where.kept:
                yield name, part.path


def _exchangeable(script: Script, donor: Script, ours: Path, theirs: Path) -> bool:
    mine, other = at(script.module, ours), at(donor.module, theirs)
    if type(mine) is not type(other) or code(mine) == code(other):
        return False
    return isinstance(mine, cst.ClassDef) or code(mine.params) == code(other.params)


def _missing(module: cst.Module, donor: Script) -> list[cst.BaseStatement]:
    """What another program defines at its top and a program lacks, in the order there."""
    lacking = undefined(module.code)
    brought: list[cst.BaseStatement] = []
    for node in reversed(donor.module.body):
        names = _names(node)
        if isinstance(node, cst.BaseStatement) and names & lacking:
            brought.insert(0, node)
            lacking |= set(reads(node))
    return brought


def _names(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        return {node.name.value}
    if isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Assign):
        target = node.body[0].targets[0].target
        return {target.value} if isinstance(target, cst.Name) else set()
    return set()


def _home(module: cst.Module) -> Path:
    """Where definitions go: ahead of the first function or class, else of the last statement."""
    for index, node in enumerate(module.body):
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            return ("body", index)
    return ("body", len(module.body) - 1)
