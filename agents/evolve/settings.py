"""The constants of a program that can be tuned together, and the program under a setting of them.

A constant is tuned on a logarithmic scale, a rate between a half and one by its distance from one.
A program that tells kinds of tensors apart gets a factor of one on the step of each kind besides,
which stays in it only where tuning moves it.
"""

import ast
import math
from collections.abc import Container, Sequence
from random import Random
from typing import NamedTuple

import libcst as cst

from ...evals import Candidate
from ...evals.lanes import Setting
from ...evals.syntax import parse
from ...tasks import Probe
from ...tasks.motifs import Facts, Motif
from .constants import literal, number, rounded
from .names import words
from .program import Program
from .reader import analyse, read
from .steps import SCALE, outputs
from .tree import at, rewrite, swap
from .weave import weave

KEPT = 1.05  # a factor on the step of a kind nearer to one than this goes away again
LEAST_RATE, LEAST_DISTANCE = 0.02, 1e-6  # of a rate, from zero and from one
WIDEST = 6.0  # how far, in its own coordinate, a constant may get from where it began


class Constant(NamedTuple):
    """A number of a program, and the coordinate in which it is tuned.

    A `rate` stays below one. `kind` is that of the tensors whose steps it is a factor on, "" for
    the program's own constants.
    """

    name: str
    value: float
    rate: bool = False
    kind: str = ""

    def moved(self, by: float) -> float:
        """The value `by` so much farther along its coordinate, rounded to three digits."""
        by = min(max(by, -WIDEST), WIDEST)
        if self.rate:
            distance = (1 - abs(self.value)) * math.exp(by)
            distance = min(max(distance, LEAST_DISTANCE), 1 - LEAST_RATE)
            return math.copysign(round(1 - rounded(distance), 8), self.value)
        return rounded(self.value * math.exp(by))


class Tunable(NamedTuple):
    """A program's only file, its constants, and the text in which all of them have a name.

    `asked` is how the program asks for the kind of a tensor.
    """

    file: str
    program: Program
    constants: tuple[Constant, ...]
    text: str
    asked: str = ""

    def candidate(self, of: Candidate, setting: Setting) -> Candidate:
        """The program under a setting, with no factor that it does without."""
        factors = {
            constant: setting[constant.name]
            for constant in self.constants
            if constant.kind and not 1 / KEPT < setting[constant.name] < KEPT
        }
        program = self.program
        if factors:
            program = _scaled(program, list(factors), self.asked) or program
        changes = [
            (program.constants[name], swap(literal(value)))
            for name, value in setting.items()
            if name in program.constants
        ]
        text = rewrite(program.module, changes).code
        return of.model_copy(update={"files": {**of.files, self.file: text}})

    def whole(self, of: Candidate) -> Candidate:
        """The program in which every constant that is tuned has a name, with all factors at one."""
        return of.model_copy(update={"files": {**of.files, self.file: self.text}})


def tunable(candidate: Candidate, facts: Facts, probe: Probe | None) -> Tunable | None:
    """What can be tuned of a program of one file; None where that is nothing."""
    if len(candidate.files) != 1:
        return None
    ((file, source),) = candidate.files.items()
    try:
        program = read(source, facts)
        bound = _bound_early(parse(source))
    except (cst.ParserSyntaxError, RecursionError, SyntaxError, ValueError):
        return None  # a program that cannot be read has no constants
    asked = probe.kind if probe and probe.of == "states" else ""
    kinds = {_factor(kind): kind for kind in probe.blocks} if probe and asked else {}
    own = [
        Constant(name, value, 0.5 < abs(value) < 1 and not _scales(name, kinds))
        for name, path in program.constants.items()
        if isinstance(value := number(at(program.module, path)), float)
        and value != 0.0
        and name not in bound
    ]
    if not own:
        return None
    taken = words(source)
    factors = [Constant(name, 1.0, kind=kinds[name]) for name in kinds if name not in taken]
    scaled = _scaled(program, factors, asked) if factors else None
    if scaled is None:
        return Tunable(file, program, tuple(own), source)
    return Tunable(file, program, (*own, *factors), scaled.source, asked)


def _bound_early(module: ast.Module) -> frozenset[str]:
    """Names that are read while the module is loaded: another value would come too late there."""
    early: list[ast.AST] = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            early += [node.args, *node.decorator_list]
        else:
            early.append(node)
    return frozenset(
        node.id
        for part in early
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


def _factor(kind: str) -> str:
    """The name of the factor on the steps of a kind of tensor."""
    return f"{kind.upper()}_STEP"


def _scales(name: str, kinds: Container[str]) -> bool:
    """Whether a constant is a factor on steps, which is no rate, whatever its value."""
    return name in kinds or name.startswith(SCALE)


def _scaled(program: Program, factors: Sequence[Constant], asked: str) -> Program | None:
    """The program with the steps of some kinds multiplied; None unless steps have one place."""
    expression = "1.0"
    for factor in reversed(factors):
        expression = f"{factor.name} if {asked} == {factor.kind!r} else {expression}"
    motif = Motif(
        name="steps by kind",
        source="",
        group="scalar",
        idea="",
        expression=f"x * ({expression})",
        gives="tensor",
        takes={"x": "tensor"},
        constants={factor.name: factor.value for factor in factors},
    )
    places = outputs(program, motif)
    edited = weave(program, motif, places[0], Random(0)) if len(places) == 1 else None
    return analyse(edited.module, program.facts) if edited else None
