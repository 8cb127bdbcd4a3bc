"""Where a change is made, in coarse words: what is learned of one place holds for all alike."""

from .branches import around
from .guide import LONGEST, plain
from .program import Program, Site, Spot


def place(program: Program, at: Site | Spot) -> str:
    """The function, the kinds of tensor or the branch it is for, and whether it is handed back."""
    spot = at if isinstance(at, Spot) else at.spot
    words = plain(spot.function) or "the module"
    back = " handed back" if isinstance(at, Site) and program.outside(at) else ""
    branches = [branch.kinds for branch in around(program, at.path)]
    if not branches:
        return words + back
    kinds = branches[-1]
    if kinds is None:
        return f"{words} in a branch{back}"
    names = " and ".join(sorted(map(plain, kinds.named)))[:LONGEST]
    return f"{words} {'for' if kinds.through else 'but for'} {names}{back}"
