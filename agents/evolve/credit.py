"""Credit where it is due: what a proposal was made of, and what its screen says that is worth.

A reward is the chance, as far as search seeds tell, that a child is better than its parent by a
step that counts. Nothing else is read: no claim, no fresh seed, no sealed one.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from statistics import median
from typing import Literal, NamedTuple

from ...archive import Node, Tree
from ...evals import Summary
from .guide import plain

NOTE = "edits"  # the heading of the note that says what a proposal was made of
PRIOR = 0.5  # standard deviation of true gains before a screen, in that of one seed's gain
STEP = 0.25  # a gain that counts, in the same unit

Part = Literal["edit", "motif", "place"]
PARTS: tuple[Part, ...] = ("edit", "motif", "place")
Arm = tuple[Part, str]


class Credit(NamedTuple):
    """One edit of a proposal: its kind, the motif that it wove in, if any, and where."""

    edit: str
    motif: str = ""
    place: str = ""

    @property
    def words(self) -> str:
        """The edit in words, such as `value motif: ema, at update`."""
        motif = f": {plain(self.motif)}" if self.motif else ""
        return f"{plain(self.edit)}{motif}{f', at {plain(self.place)}' if self.place else ''}"


class Total(NamedTuple):
    """The rewards of so many proposals, summed."""

    reward: float = 0.0
    tried: float = 0.0

    def worth(self, most: float) -> "Total":
        """The same rate, counted as at most so many proposals (a power prior)."""
        share = min(1.0, most / self.tried) if self.tried else 1.0
        return Total(self.reward * share, self.tried * share)


def summed(parts: Iterable[Total]) -> Total:
    """All of them together."""
    parts = list(parts)
    return Total(math.fsum(p.reward for p in parts), math.fsum(p.tried for p in parts))


Totals = Mapping[Arm, Mapping[str, Total]]  # by family: the name of the planted ancestor


def noted(credits: Iterable[Credit]) -> str:
    """The text of the note."""
    return "; ".join(credit.words for credit in credits)


@lru_cache(maxsize=16384)
def arms(note: str) -> frozenset[Arm]:
    """All that a note gives credit to, each once. Any text has some meaning, or none."""
    return frozenset(arm for text in note.split("; ") for arm in _arms(text) if arm[1])


def _arms(text: str) -> Iterator[Arm]:
    head, _, where = text.partition(", at ")
    edit, _, motif = head.partition(": ")
    return zip(PARTS, map(plain, (edit, motif, where)), strict=True)


def own_note(node: Node) -> str:
    """The note of a proposal, or "" where it has none."""
    return node.candidate.notes.get(NOTE, "")


def totals(tree: Tree, minimum_gain: float, note_of: Callable[[Node], str] = own_note) -> Totals:
    """What every arm has brought in a run, by family; `note_of` tells what a node was made of."""
    children = tree.proposals()
    screens = [n.verdict.screen for n in children if n.verdict and n.verdict.screen]
    unit = median(screen.sd for screen in screens) if screens else 0.0
    families = family_names(tree)
    rewards: dict[Arm, dict[str, list[float]]] = {}
    for node in children:
        credited = arms(note_of(node))
        value = reward(node, unit, minimum_gain) if credited else None
        if value is None:
            continue
        for arm in credited:
            rewards.setdefault(arm, {}).setdefault(families[node.number], []).append(value)
    return {
        arm: {family: Total(math.fsum(own), len(own)) for family, own in brought.items()}
        for arm, brought in rewards.items()
    }


def family_names(tree: Tree) -> dict[int, str]:
    """The name of the planted ancestor of each node, by number."""
    names: dict[int, str] = {}
    for node in tree:
        above = names.get(node.parent) if node.parent is not None else None
        names[node.number] = plain(node.name) if above is None else above
    return names


def reward(node: Node, unit: float, minimum_gain: float) -> float | None:
    """What a proposal brought, from 0 to 1; None where it was not measured and is not to blame.

    `unit` is the usual standard deviation of one seed's gain, in the metric's unit. One that could
    not run, or that a glance showed to be ruined, brought nothing.
    """
    if node.verdict is None:
        return None
    if node.standing == "invalid":
        return 0.0
    if node.verdict.screen is not None:
        return chance(node.verdict.screen, unit, minimum_gain)
    return 0.0 if node.evidence else None


def chance(screen: Summary, unit: float, minimum_gain: float) -> float:
    """The posterior chance of a gain that counts: normal, from a prior around no gain at all.

    What counts is `minimum_gain`, or `STEP` units where that is more.
    """
    prior, error = PRIOR * unit, screen.error
    total = prior**2 + error**2
    weight = prior**2 / total if total else 1.0
    deviation = math.sqrt(weight) * error
    above = weight * screen.mean - max(minimum_gain, STEP * unit)
    if deviation <= 0:
        return float(above > 0)
    return 0.5 * math.erfc(-above / deviation / math.sqrt(2))
