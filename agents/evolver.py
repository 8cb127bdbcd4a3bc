"""The proposer that needs no language model: typed evolution of the candidate's own source.

A proposal is one to three edits: published motifs woven in where their types fit, constants scaled,
expressions exchanged, statements moved or removed, parts taken over from other programs. Types are
inferred statically; candidate code is read and never run.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from random import Random

import libcst as cst

from ..archive import Node, Tree
from ..evals import Candidate
from ..tasks import Task
from .base import ProposalError
from .evolve import edits
from .evolve.analysis import Analysis, analyse, read
from .evolve.canonical import canonical
from .evolve.edits import Edited
from .evolve.facts import Facts, facts
from .evolve.weave import insert_motif

WEIGHTS: Mapping[str, float] = {
    "value motif": 4.0,
    "constant": 3.0,
    "substitution": 2.0,
    "reuse": 2.0,
    "operator": 1.5,
    "deletion": 1.5,
    "move": 1.0,
    "scalar motif": 1.0,
    "parameter motif": 1.0,
    "readout motif": 1.0,
}
EDITS: Mapping[str, Callable[[Analysis, Random], Edited]] = {
    "value motif": partial(insert_motif, group="value"),
    "constant": edits.perturb_constant,
    "substitution": edits.substitute,
    "reuse": edits.reuse,
    "operator": edits.swap_operator,
    "deletion": edits.delete,
    "move": edits.move,
    "scalar motif": partial(insert_motif, group="scalar"),
    "parameter motif": partial(insert_motif, group="parameter"),
    "readout motif": partial(insert_motif, group="readout"),
}
COUNTS: Sequence[int] = (1, 1, 1, 2, 2, 3)
ATTEMPTS = 60
LARGE = 5_000


def create() -> "Evolver":
    """Open the agent."""
    return Evolver()


class Evolver:
    """Evolves the parent's source; remembers nothing between proposals."""

    def propose(self, task: Task, parent: Node, tree: Tree, rng: Random) -> Candidate:
        """Offer a program that differs from the parent's in more than its writing."""
        others = [node.candidate for node in tree.eligible() if node.number != parent.number]
        return evolve(task, parent.candidate, others, rng)


def evolve(
    task: Task, parent: Candidate, others: Sequence[Candidate], rng: Random
) -> Candidate:
    """Offer a changed copy of `parent`; raises ProposalError where no edit applies."""
    known = facts(task.files["motifs.toml"])
    name = rng.choice(sorted(parent.files))
    try:
        program = read(parent.files[name], known)
    except cst.ParserSyntaxError as error:
        raise ProposalError(f"{name} of the parent is not Python: {error.message}") from None
    before = canonical(parent.files)
    count = rng.choice(COUNTS)
    ideas: list[str] = []
    for _ in range(ATTEMPTS):
        step = edited(program, rng)
        if step is None:
            continue
        child, idea = step
        files = {**parent.files, name: child.module.code}
        program = child
        ideas.append(idea)
        if len(ideas) >= count and canonical(files) != before:
            return Candidate(files=files, idea="; ".join(ideas), proposer="evolver")
    raise ProposalError(f"no edit of {name} applies in {ATTEMPTS} attempts")


def edited(program: Analysis, rng: Random) -> tuple[Analysis, str] | None:
    """Apply one random edit, if there is a sound one."""
    name = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    result = EDITS[name](program, rng)
    if result is None:
        return None
    module, idea = result
    child = analyse(module, program.facts)
    return (child, idea) if sound(child, program) else None


def sound(child: Analysis, parent: Analysis) -> bool:
    """Whether nothing got worse: the interface is whole and no name or type newly broken."""
    if child.problems - parent.problems:
        return False
    for name, kinds in parent.results.items():
        if child.results.get(name) != kinds:
            return False
    try:
        ast.parse(child.module.code)
    except SyntaxError:
        return False
    return True
