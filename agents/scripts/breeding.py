"""A proposal for an ordinary program: edits are drawn until they make a difference."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import libcst as cst

from ...evals import Candidate
from ...evals.canonical import canonical
from ...evals.syntax import parse, undefined
from ...tasks.motifs import facts
from ..base import ProposalError
from ..evolve.constants import Edited
from ..evolve.credit import NOTE, Credit, noted
from ..evolve.guide import BY_HAND, Guide
from ..evolve.reader import read
from ..evolve.tidy import tidied
from .edits import leave_out, repeat, swap_lines, take_function, take_numbers
from .numbers import scale_number
from .pack import weave_motif
from .script import Script, read_script

# Relative frequencies, before anything is learned. They are a guess: numbers and published changes
# first, since what people write has been tuned little and holds few of them.
WEIGHTS: Mapping[str, float] = {
    "published change": 5.0,
    "constant": 5.0,
    "deletion": 0.6,
    "repetition": 0.3,
    "move": 0.3,
    "crossover": 1.0,
    "constant exchange": 0.6,
}
EDITS: Mapping[str, Callable[[Script, Random, Guide], Edited]] = {
    "published change": weave_motif,
    "constant": scale_number,
    "deletion": leave_out,
    "repetition": repeat,
    "move": swap_lines,
}
CROSSINGS: Mapping[str, Callable[[Script, Random, Sequence[Script], Guide], Edited]] = {
    "crossover": take_function,
    "constant exchange": take_numbers,
}
COUNTS: Sequence[int] = (1, 1, 1, 1, 2, 2)
ATTEMPTS = 60
LARGEST = 18_000  # characters; the audit reads no more than 20,000 bytes


def breed(
    parent: Candidate, others: Sequence[Candidate], rng: Random, guide: Guide = BY_HAND
) -> Candidate:
    """Offer a changed copy of `parent`; raises ProposalError where no edit applies."""
    name = rng.choice(sorted(name for name in parent.files if name.endswith(".py")) or [""])
    script = _script(parent.files.get(name, ""))
    if script is None or not script.module.body:
        which = f"{name} of the parent is not Python" if name else "the parent has no Python file"
        raise ProposalError(f"{which}, so it cannot be evolved")
    donors = [donor for other in others if (donor := _script(other.files.get(name, "")))]
    before, lacking = canonical({name: _tidy(script.source)}), undefined(script.source)
    count = rng.choice(COUNTS)
    ideas: list[str] = []
    credits: list[Credit] = []
    for _ in range(ATTEMPTS):
        step = _edited(script, rng, donors, guide)
        if step is None or undefined(step[0].source) - lacking:
            continue
        script, idea, credit = step
        ideas.append(idea)
        credits.append(credit)
        if len(ideas) < count:
            continue
        text = _tidy(script.source)
        if len(text) > max(LARGEST, len(parent.files[name])):
            continue
        if canonical({name: text}) != before:
            notes = {NOTE: noted(credits)} if guide.learns else {}
            files = {**parent.files, name: text}
            return Candidate(files=files, idea="; ".join(ideas), proposer="evolver", notes=notes)
    raise ProposalError(f"no edit of {name} made a difference in {ATTEMPTS} attempts")


def _edited(
    script: Script, rng: Random, donors: Sequence[Script], guide: Guide
) -> tuple[Script, str, Credit] | None:
    """Apply one random edit, if the one drawn fits."""
    name = rng.choices(list(WEIGHTS), guide.edits(WEIGHTS, rng))[0]
    if name in CROSSINGS:
        result = CROSSINGS[name](script, rng, donors, guide)
    else:
        result = EDITS[name](script, rng, guide)
    if result is None or _script(result.module.code) is None:
        return None
    child = read_script(result.module.code)
    return child, result.idea, Credit(name, result.motif, result.place)


def _tidy(source: str) -> str:
    return tidied(read(source, facts(b""))).source


def _script(source: str) -> Script | None:
    """A program that has been read, or None where it is not Python."""
    try:
        parse(source)
        return read_script(source)
    except (cst.ParserSyntaxError, RecursionError, SyntaxError, ValueError):
        return None
