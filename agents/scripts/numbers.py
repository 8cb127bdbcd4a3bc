"""The numbers of a program with the names that they go by, and the edit that scales one.

People write numbers in many places: as constants, in tuples, as arguments, defaults, options of a
command line and fields of a dataclass. The name says what a number may become: whole numbers stay
whole and positive, shares stay below one, and what the data decide is left alone.
"""

import math
from random import Random
from typing import NamedTuple

import libcst as cst

from ..evolve.constants import Edit, Edited, literal, number, perturbed, rounded, shown
from ..evolve.guide import Guide
from ..evolve.scope import dotted
from ..evolve.tree import Path, at, code, rewrite, swap
from .script import Script, Where, words_of

SEEDS = frozenset(("random", "rng", "seed", "seeds"))
# What the data decide, or what is no size: whole numbers with such a word in their name stay.
_BY_DATA = """
axis block channels class classes context device dims features index in inputs
input interval length max n nclass ndim out output outputs seq sequence size0 start stop
tokens version vocab vocabulary workers
"""
BY_DATA = frozenset(_BY_DATA.split())
FIXED = frozenset(("dim", "axis", "start_dim", "end_dim", "ignore_index"))  # of calls
SHARES = frozenset(("beta", "betas", "dropout", "drop", "ema", "momentum", "p", "smoothing"))
KNOBS = frozenset(("batch", "beta", "betas", "decay", "drop", "dropout", "epochs", "eps", "lr"))
KNOBS |= {"momentum", "rate", "steps", "iters", "width", "hidden", "layers", "warmup", "std"}
NAMED, PLAIN, KNOB = 2.0, 0.5, 4.0  # how often each is drawn
SILENT = frozenset(("print", "format", "round", "log", "info", "view", "reshape", "permute"))


class Number(NamedTuple):
    """A number of a program: where it stands, what it is called ("" for nothing), and where."""

    path: Path
    value: float | int
    name: str
    where: Where

    @property
    def place(self) -> str:
        """Where the number is, in words: its name, or else its function."""
        if self.name:
            return f"constant {self.name}"
        return self.where.function or "the module"

    @property
    def weight(self) -> float:
        """How often it is drawn."""
        if not self.name:
            return PLAIN
        return KNOB if words_of(self.name) & KNOBS else NAMED

    @property
    def shares(self) -> bool:
        """Whether the number is a share, which stays below one."""
        return bool(words_of(self.name) & SHARES) and self.value < 1


def numbers_of(script: Script) -> list[Number]:
    """The numbers that an edit may mean, in order."""
    numbers: list[Number] = []
    for part in script.parts:
        value = number(part.node) if isinstance(part.node, cst.BaseExpression) else None
        if value is None or part.where.kept or value < 0:
            continue
        if isinstance(at(script.module, part.path[:-1]), cst.UnaryOperation):
            continue
        name = _name(script, part.path)
        if name is not None and _free(value, name):
            numbers.append(Number(part.path, value, name, part.where))
    return numbers


def _free(value: float | int, name: str) -> bool:
    """Whether a number of this name may be another."""
    words = words_of(name)
    if words & SEEDS:
        return False
    if isinstance(value, int):
        return bool(name) and value > 0 and not words & BY_DATA
    return True


def _name(script: Script, path: Path) -> str | None:
    """What a number is called, "" for a plain literal, None for one that is to stay."""
    name: str | None = ""
    for depth in range(len(path) - 1, 0, -1):
        node, step = at(script.module, path[:depth]), path[depth]
        match node:
            case cst.Subscript() | cst.Slice() | cst.Index() | cst.FormattedString():
                return None
            case cst.Arg():
                call = at(script.module, path[: depth - 2])
                return _argument(script, call, node, path[depth - 1])
            case cst.Param() if step == "default":
                return node.name.value if node.name.value not in FIXED else None
            case cst.AnnAssign() | cst.AugAssign():
                return _target(node.target) if step == "value" else ""
            case cst.Assign():
                return _assigned(script, node, path[depth:])
            case cst.DictElement() if step == "value" and isinstance(node.key, cst.SimpleString):
                return str(node.key.evaluated_value)
            case cst.BinaryOperation() | cst.Comparison() | cst.IfExp() | cst.BooleanOperation():
                return _within(node)
            case cst.BaseStatement() | cst.Return():
                return ""
            case _:
                pass
    return name


def _within(node: cst.CSTNode) -> str | None:
    """The name of a number in a formula: none, and powers and remainders stay."""
    fixed = (cst.Power, cst.Modulo, cst.FloorDivide)
    stays = isinstance(node, cst.BinaryOperation) and isinstance(node.operator, fixed)
    return None if stays else ""


def _argument(script: Script, call: cst.CSTNode, node: cst.Arg, index: object) -> str | None:
    """What an argument is called: by its keyword, its option, or the parameter it is for."""
    if not isinstance(call, cst.Call):
        return None
    function = dotted(call.func)
    last = function.rpartition(".")[2]
    if last in SILENT or words_of(last) & SEEDS:
        return None
    if node.keyword is not None:
        if last != "add_argument":
            return None if node.keyword.value in FIXED else node.keyword.value
        first = call.args[0].value
        option = isinstance(first, cst.SimpleString) and node.keyword.value == "default"
        return code(first).strip("\"'-").replace("-", "_") if option else None
    if function in script.makers:
        return None
    known = script.parameters.get(function, [])
    if isinstance(index, int) and index < len(known):
        return known[index]
    if last == "field" or last == "range":
        return None
    return "dropout" if last.startswith("Dropout") else ""


def _assigned(script: Script, node: cst.Assign, rest: Path) -> str | None:
    """The name of the target that a number is assigned to, also among several."""
    target: cst.BaseExpression = node.targets[0].target
    if rest[:1] != ("value",):
        return None
    if rest[1:2] == ("elements",) and isinstance(target, cst.Tuple):
        index = rest[2]
        if isinstance(index, int) and index < len(target.elements):
            return _target(target.elements[index].value)
    return _target(target)


def _target(node: cst.BaseExpression) -> str:
    last = node.attr if isinstance(node, cst.Attribute) else node
    return last.value if isinstance(last, cst.Name) else ""


def changed(one: Number, rng: Random) -> float | int:
    """Another value for a number, of its own kind."""
    if isinstance(one.value, int):
        even = one.value % 2 == 0
        choices = [2 * one.value, *([one.value // 2] if even else [])]
        if one.value % 4 == 0 and one.value > 4:
            choices.append(one.value // 2 * 3)
        if not even and one.value > 2:
            choices += [one.value - 1, one.value + 1]
        return rng.choice(choices)
    if one.value == 0:
        return rounded(10 ** rng.uniform(-2.5, -0.7))
    new = float(perturbed(float(one.value), rng))
    return min(new, 0.9999) if one.shares and new >= 1 else abs(new)


def scale_number(script: Script, rng: Random, guide: Guide) -> Edited:
    """Change one number."""
    numbers = numbers_of(script)
    if not numbers:
        return None
    one = guide.pick(numbers, rng, lambda n: n.place, [n.weight for n in numbers])
    new = changed(one, rng)
    if new == one.value or not math.isfinite(new):
        return None
    module = rewrite(script.module, [(one.path, swap(literal(new)))])
    what = one.name or f"a literal in {one.where.function or 'the module'}"
    return Edit(module, f"Changed {what} from {shown(one.value)} to {shown(new)}", place=one.place)
