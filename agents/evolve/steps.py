"""How far a program steps, as its smoke test shows, and the edit that scales its step."""

import math
from collections.abc import Mapping, Sequence
from random import Random
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import libcst as cst

from ...tasks import Probe
from ...tasks.motifs import Motif
from .constants import Edit, Edited, literal, number, rounded
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
ALIKE = 1.5  # kinds of tensors whose ratios differ by less are scaled together

Group = tuple[tuple[str, ...], float]


class Change(NamedTuple):
    """What an edit does to the steps of a program.

    `share` is the norm of the difference to the parent's steps, as a multiple of the norm of the
    parent's, all steps of all tensors taken together. `ratios` are the norms of the child's steps,
    as multiples of the parent's, by the kind of the tensors; where kinds are not told apart, or the
    ratio is that of all, the kind is "".
    """

    share: float
    ratios: Mapping[str, float]

    def within(self, factor: float) -> bool:
        """Whether the steps of every kind are about as long as the parent's."""
        return all(1 / factor <= ratio <= factor for ratio in self.ratios.values())

    @property
    def groups(self) -> list[Group]:
        """Kinds whose ratios are about the same, with the geometric mean of these."""
        ordered = sorted(self.ratios, key=lambda kind: self.ratios[kind])
        runs: list[list[str]] = []
        for kind in ordered:
            if runs and self.ratios[kind] <= ALIKE * max(self.ratios[runs[-1][-1]], 1e-12):
                runs[-1].append(kind)
            else:
                runs.append([kind])
        return [(tuple(run), _mean([self.ratios[kind] for kind in run])) for run in runs]


def _mean(ratios: Sequence[float]) -> float:
    return math.exp(fmean(math.log(max(ratio, 1e-12)) for ratio in ratios))


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
    if not math.isfinite(share):
        return Change(math.inf, {"": math.inf})
    lengths = zip(_lengths(before, probe).items(), _lengths(after, probe).values(), strict=True)
    ratios = {kind: new / old for (kind, old), new in lengths if old > 0}
    return Change(share, ratios)


def _steps(reply: bytes, probe: Probe) -> "Array | None":
    """The numbers of a reply, [parts, n], or how they change from part to part."""
    import numpy as np

    if not reply or len(reply) % (4 * probe.parts):
        return None
    parts = np.frombuffer(reply, "<f4").reshape(probe.parts, -1).astype(np.float64)
    with np.errstate(invalid="ignore"):  # of programs that diverge
        return np.diff(parts, axis=0) if probe.of == "states" else parts


def _lengths(steps: "Array", probe: Probe) -> dict[str, float]:
    """The norm of the steps of each kind of tensors."""
    import numpy as np

    if sum(probe.blocks.values()) != steps.shape[1] or not probe.kind:
        return {"": float(np.linalg.norm(steps))}
    ends = np.cumsum(list(probe.blocks.values()))[:-1]
    blocks = np.split(steps, ends, axis=1)
    return {
        kind: float(np.linalg.norm(block)) for kind, block in zip(probe.blocks, blocks, strict=True)
    }


def rescaled(program: Program, moved: Change, kind: str, rng: Random) -> Edited:
    """Divide what the program adds to its tensors by the ratios of `moved`, alike ones by one.

    `kind` is how the program asks for the kind of a tensor. None where steps have no one place, or
    are zero. A program that was rescaled before has constants for it; where all of its steps change
    by one factor, they change.
    """
    ideas: list[str] = []
    groups = moved.groups
    for kinds, ratio in groups:
        if 1 / ALIKE <= ratio <= ALIKE:
            continue
        if not 1e-6 < ratio < 1e6:
            return None
        factor, every = rounded(1 / ratio), len(groups) == 1
        edited = _retuned(program, factor) if every else None
        edited = edited or _woven(program, _motif(factor, () if every else kinds, kind), rng)
        if edited is None:
            return None
        program = edited
        whose = "the step" if every else f"the step of {' and '.join(kinds)}"
        ideas.append(f"scaled {whose} by {factor:g} to its parent's size")
    return Edit(program.module, "; ".join(ideas)) if ideas else None


def _retuned(program: Program, factor: float) -> Program | None:
    """The program with its own scales multiplied; None if it has none."""
    changes = [
        (path, swap(literal(rounded(old * factor))))
        for name, path in program.constants.items()
        if name.startswith(SCALE) and isinstance(old := number(at(program.module, path)), float)
    ]
    return analyse(rewrite(program.module, changes), program.facts) if changes else None


def _motif(factor: float, kinds: Sequence[str], kind: str) -> Motif:
    """Multiply by a constant; only for tensors of some kinds, unless `kinds` is empty."""
    scaled = f"{SCALE} * x"
    return Motif(
        name="step scale",
        source="",
        group="scalar",
        idea="",
        expression=f"{scaled} if {kind} in {tuple(kinds)!r} else x" if kinds else scaled,
        gives="tensor",
        takes={"x": "tensor"},
        constants={SCALE: factor},
    )


def _woven(program: Program, motif: Motif, rng: Random) -> Program | None:
    """The program with the motif at every place where it hands back a step."""
    done = 0
    while done < MOST_OUTPUTS:
        sites = outputs(program, motif)
        if len(sites) <= done:
            break
        edited = weave(program, motif, sites[done], rng)
        if edited is None:
            return None
        program, done = analyse(edited.module, program.facts), done + 1
    return program if done else None


def outputs(program: Program, motif: Motif) -> list[Site]:
    """The places where a program hands back its steps, and a motif fits."""
    return [site for site in program.sites if _steps_at(program, motif, site)]


def _steps_at(program: Program, motif: Motif, site: Site) -> bool:
    """Whether an expression is a step that a function with a state hands back beside it."""
    signature = program.facts.functions.get(site.spot.function)
    made_in_one = isinstance(at(program.module, site.path[:-1]), cst.DictComp)
    return (
        bool(signature and "states" in signature.gives)
        and (program.outside(site) or (made_in_one and site.path[-1] == "value"))
        and suits(program, motif, site)
    )
