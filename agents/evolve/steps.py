"""How far a program steps, as its smoke test shows, and the edit that scales its step."""

import math
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from ...tasks import Probe
from ...tasks.motifs import Motif
from .constants import Edited, literal, number, rounded
from .program import Program, Site
from .reader import analyse
from .tree import at, rewrite, swap
from .weave import suits, weave

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SCALE = "STEP_SCALE"
MOST_OUTPUTS = 8  # places where one program hands back its steps


class Change(NamedTuple):
    """What an edit does to the steps of a program, all steps of all tensors taken together.

    `share` is the norm of the difference to the parent's steps, `ratio` the norm of the child's
    steps, both as multiples of the norm of the parent's.
    """

    share: float
    ratio: float


def change(parent: bytes, child: bytes, probe: Probe) -> Change | None:
    """Compare two replies to the smoke test; None where they cannot be read as `probe` says."""
    import numpy as np

    before, after = _steps(parent, probe), _steps(child, probe)
    if before is None or after is None or before.shape != after.shape:
        return None
    norm = float(np.linalg.norm(before))
    if not norm > 0 or not math.isfinite(norm):
        return None
    share = float(np.linalg.norm(after - before)) / norm
    ratio = float(np.linalg.norm(after)) / norm
    return Change(share, ratio) if math.isfinite(share) else Change(math.inf, math.inf)


def _steps(reply: bytes, probe: Probe) -> "Array | None":
    """The numbers of a reply, [parts, n], or how they change from part to part."""
    import numpy as np

    if not reply or len(reply) % (4 * probe.parts):
        return None
    parts = np.frombuffer(reply, "<f4").reshape(probe.parts, -1).astype(np.float64)
    with np.errstate(invalid="ignore"):  # of programs that diverge
        return np.diff(parts, axis=0) if probe.of == "states" else parts


def rescaled(program: Program, factor: float, rng: Random) -> Edited:
    """Multiply by `factor` what the program adds to its tensors; None where that has no one place.

    A program that was rescaled before has a constant for it, which is changed.
    """
    factor = rounded(factor)
    idea = f"scaled the step by {factor:g} to its parent's size"
    scales = [
        (path, old * factor)
        for name, path in program.constants.items()
        if name.startswith(SCALE) and isinstance(old := number(at(program.module, path)), float)
    ]
    if scales:
        changes = [(path, swap(literal(rounded(new)))) for path, new in scales]
        return rewrite(program.module, changes), idea
    motif = Motif(
        name="step scale",
        source="",
        group="scalar",
        idea=idea,
        expression=f"{SCALE} * x",
        gives="tensor",
        takes={"x": "tensor"},
        constants={SCALE: factor},
    )
    done = 0
    while done < MOST_OUTPUTS:
        sites = [site for site in program.sites if _steps_at(program, motif, site)]
        if len(sites) <= done:
            break
        woven = weave(program, motif, sites[done], rng)
        if woven is None:
            return None
        program, done = analyse(woven[0], program.facts), done + 1
    return (program.module, idea) if done else None


def _steps_at(program: Program, motif: Motif, site: Site) -> bool:
    """Whether an expression is a step that a function with a state hands back beside it."""
    signature = program.facts.functions.get(site.spot.function)
    made_in_one = isinstance(at(program.module, site.path[:-1]), cst.DictComp)
    return (
        bool(signature and "states" in signature.gives)
        and (program.outside(site) or (made_in_one and site.path[-1] == "value"))
        and suits(program, motif, site)
    )
