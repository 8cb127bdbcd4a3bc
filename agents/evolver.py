"""Typed evolution of the candidate's own source; needs no language model.

A proposal is one or two edits: published motifs woven in where their types fit, constants scaled
and divided, expressions exchanged, statements moved or removed, parts taken over from other
programs. Types are inferred statically; candidate code is read and never run. Which edits, motifs
and places pay is learned in each run. Programs of a task that names no types are edited as ordinary
scripts are (`scripts`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from random import Random

import libcst as cst

from ..evals import Candidate
from ..evals.canonical import canonical
from ..evals.syntax import parse
from ..tasks import Task
from ..tasks.motifs import Facts
from .base import Brief, ProposalError, Tried
from .evolve import edits
from .evolve.constants import Edited, perturb_constant
from .evolve.credit import NOTE, Credit, family_name, noted, totals
from .evolve.crossover import crossover, exchange_constants
from .evolve.fit import fitted
from .evolve.forks import fork, merge
from .evolve.guide import BY_HAND, Guide
from .evolve.program import Program
from .evolve.reader import analyse, read
from .evolve.thompson import Thompson
from .evolve.tidy import tidied
from .evolve.uses import divide_constant
from .evolve.weave import insert_motif
from .scripts.breeding import breed

# Relative frequencies, before anything is learned. Of 451 proposals of three searches on
# `optimizer`, these shares of each kind of edit were confirmed: scalar motifs 3 of 30, readout
# motifs 2 of 35, value motifs 6 of 189 (128 of them invalid or ruinous), constants 4 of 127,
# replacements 1 of 66, crossover 1 of 49, deletion 1 of 28, parameter motifs 0 of 34, reuse 0 of
# 35, exchanges of constants 0 of 9. Where constants could be divided, all four steps of the best
# search did so or scaled one. No edit is drawn less often than FLOOR says: what pays differs from
# task to task.
FLOOR = 0.3
WEIGHTS: Mapping[str, float] = {
    "factor": 5.0,
    "constant": 4.0,
    "divided constant": 4.0,
    "value motif": 4.0,
    "scalar motif": 2.5,
    "readout motif": 1.0,
    "fork": 1.0,
    "crossover": 0.6,
    "deletion": 0.6,
    "parameter motif": 0.6,
    "constant exchange": FLOOR,
    "merge": FLOOR,
    "move": FLOOR,
    "operator": FLOOR,
    "reuse": FLOOR,
    "substitution": FLOOR,
}
EDITS: Mapping[str, Callable[[Program, Random, Guide], Edited]] = {
    "value motif": partial(insert_motif, group="value"),
    "factor": partial(insert_motif, group="factor"),
    "constant": perturb_constant,
    "divided constant": divide_constant,
    "substitution": edits.substitute,
    "reuse": edits.reuse,
    "operator": edits.swap_operator,
    "deletion": edits.delete,
    "move": edits.move,
    "fork": fork,
    "merge": merge,
    "scalar motif": partial(insert_motif, group="scalar"),
    "parameter motif": partial(insert_motif, group="parameter"),
    "readout motif": partial(insert_motif, group="readout"),
}
CROSSINGS: Mapping[str, Callable[[Program, Random, Sequence[Program], Guide], Edited]] = {
    "crossover": crossover,
    "constant exchange": exchange_constants,
}
COUNTS: Sequence[int] = (1, 1, 1, 1, 2, 2)  # edits in one proposal: most often one pays
ATTEMPTS = 60
SITES = 150  # number of expressions above which deletion is favoured
LARGEST = 10_000  # characters; a longer program may only shrink


def create() -> "Evolver":
    """Open the agent."""
    return Evolver()


class Evolver:
    """Evolves the parent's source; between proposals it keeps what parents do in the smoke test."""

    tune = 0.35

    def __init__(self) -> None:
        """Nothing tried yet."""
        self._tried: dict[str, Tried] = {}

    def propose(self, brief: Brief) -> Candidate:
        """Offer a program that differs from the parent's in more than its writing."""
        nodes, parent = brief.tree.eligible(), brief.parent
        others = [node.candidate for node in nodes if node.number != parent.number]
        make = partial(evolve, brief.task, parent.candidate, others, brief.rng, guide(brief))
        if brief.task.manifest.probe is None or brief.desk.dry:
            return make()
        own = self._tried.get(parent.candidate.digest)
        if own is None:
            own = self._tried[parent.candidate.digest] = brief.desk.try_out(parent.candidate.files)
        return fitted(brief, own, make, partial(_read, motifs=brief.task.motifs))


def guide(brief: Brief) -> Guide:
    """What draws edits: a bandit over what has paid, where the run was begun with one."""
    if brief.learned is None:
        return BY_HAND
    minimum_gain = brief.task.metric.minimum_gain
    family = family_name(brief.tree, brief.parent)
    return Thompson(family, totals(brief.tree, minimum_gain), brief.learned.totals)


def evolve(
    task: Task,
    parent: Candidate,
    others: Sequence[Candidate],
    rng: Random,
    guide: Guide = BY_HAND,
) -> Candidate:
    """Offer a changed copy of `parent`; raises ProposalError where no edit applies."""
    motifs = task.motifs
    if not motifs.functions:
        return breed(parent, others, rng, guide)
    name = rng.choice(sorted(parent.files))
    program = _read(parent.files[name], motifs)
    if program is None:
        raise ProposalError(f"{name} of the parent is not Python, so it cannot be evolved")
    donors = [donor for other in others if (donor := _read(other.files.get(name, ""), motifs))]
    before = canonical({name: tidied(program).source})
    count = rng.choice(COUNTS)
    ideas: list[str] = []
    credits: list[Credit] = []
    for _ in range(ATTEMPTS):
        step = edited(program, rng, donors, guide)
        if step is None:
            continue
        program, idea, credit = step
        ideas.append(idea)
        credits.append(credit)
        if len(ideas) < count:
            continue
        text = tidied(program).source
        if len(text) > max(LARGEST, len(parent.files[name])) or not _parses(text):
            continue
        if canonical({name: text}) != before:
            files, idea = {**parent.files, name: text}, "; ".join(ideas)
            notes = {NOTE: noted(credits)} if guide.learns else {}
            return Candidate(files=files, idea=idea, proposer="evolver", notes=notes)
    raise ProposalError(f"no edit of {name} made a difference in {ATTEMPTS} attempts")


def edited(
    program: Program, rng: Random, donors: Sequence[Program], guide: Guide = BY_HAND
) -> tuple[Program, str, Credit] | None:
    """Apply one random edit, if the one drawn fits and is sound."""
    name = rng.choices(list(WEIGHTS), guide.edits(_weights(program), rng))[0]
    if name in CROSSINGS:
        result = CROSSINGS[name](program, rng, donors, guide)
    else:
        result = EDITS[name](program, rng, guide)
    if result is None:
        return None
    child = analyse(result.module, program.facts)
    credit = Credit(name, result.motif, result.place)
    return (child, result.idea, credit) if sound(child, program) else None


def _weights(program: Program) -> dict[str, float]:
    """The weights of the edits; the larger the program, the more it is cut."""
    excess = max(0.0, len(program.sites) / SITES - 1.0)
    return {**WEIGHTS, "deletion": WEIGHTS["deletion"] * (1.0 + 25.0 * excess)}


@lru_cache(maxsize=256)
def _read(source: str, motifs: Facts) -> Program | None:
    try:
        return read(source, motifs)
    except (cst.ParserSyntaxError, RecursionError):
        return None


def sound(child: Program, parent: Program) -> bool:
    """Whether the child's interface is whole, and no name or type is newly broken."""
    if child.problems - parent.problems:
        return False
    for name, kinds in parent.results.items():
        now = child.results.get(name, ())
        if len(now) != len(kinds):
            return False
        if any(new != old != "unknown" for new, old in zip(now, kinds, strict=True)):
            return False
    return True


def _parses(text: str) -> bool:
    try:
        parse(text)
    except (SyntaxError, ValueError):
        return False
    return True
