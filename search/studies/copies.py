"""Copies of a program that ought to score the same, or nearly so."""

from collections.abc import Iterator, Mapping
from random import Random

import libcst as cst

from ...agents.evolve.constants import literal, number
from ...agents.evolve.program import Program
from ...agents.evolve.reader import read
from ...agents.evolve.tree import Path, at, rewrite, swap
from ...evals import Candidate, probe
from ...sandbox import Sandbox
from ...tasks import Task

COPIES, TRIED = 3, 24  # slightly changed programs that are wanted, and that are tried at most
FACTORS = (1.05, 0.95, 1.1, 0.9)


def changed_copies(task: Task, start: Candidate, sandbox: Sandbox) -> list[Candidate]:
    """A few copies of the start with one number a little off, that run and act differently."""
    reference = probe(start, task, sandbox).reply
    copies: list[Candidate] = []
    for _, candidate in zip(range(TRIED), nudges(task), strict=False):
        result = probe(candidate, task, sandbox)
        if result.status == "ok" and result.reply != reference:
            copies.append(candidate)
        if len(copies) == COPIES:
            break
    return copies


def nudges(task: Task) -> Iterator[Candidate]:
    """Copies of the start with one number scaled, named constants first, in a fixed order."""
    rng = Random("ratchet calibrate")
    spots: list[tuple[str, Program, Path]] = []
    for name, text in sorted(task.start.items()):
        try:
            program = read(text, task.motifs)
        except cst.ParserSyntaxError:
            continue
        named = [path for path in program.constants.values() if _scalable(program, path)]
        literals = [site.path for site in program.sites if _scalable(program, site.path)]
        rng.shuffle(named)
        rng.shuffle(literals)
        spots += [(name, program, path) for path in (*named, *literals)]
    for factor in FACTORS:
        for name, program, path in spots:
            new = _scaled(float(number(at(program.module, path)) or 0.0), factor)
            changed = rewrite(program.module, [(path, swap(literal(new)))]).code
            yield planted(f"{name} {path} times {factor}", {**task.start, name: changed})


def renamed(files: Mapping[str, str]) -> dict[str, str]:
    """The same programs with a constant that nothing reads, so that only their digests differ."""
    return {name: f"{text}\n\nUNREAD_BY_ANYTHING = 0.0\n" for name, text in files.items()}


def planted(name: str, files: Mapping[str, str]) -> Candidate:
    """A program that takes part in a calibration, by a name of its own."""
    return Candidate(files=files, idea=name, proposer="calibration")


def _scalable(program: Program, path: Path) -> bool:
    value = number(at(program.module, path))
    return isinstance(value, float) and value != 0.0


def _scaled(value: float, factor: float) -> float:
    """A number some per cent off, to four digits; a decay rate by its distance from one."""
    new = 1 - (1 - value) * factor if 0.5 < value < 1 else value * factor
    return float(f"{new:.4g}")
