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
PARTS_OF_ONE = 1 << 30  # of a reward, when rewards are summed up

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
    """What every arm has brought in a run, by family; `note_of` tells what a node was made of.

    Rewards are summed up in whole parts of one, so that a tree that grows keeps the sums up. The
    usual spread is rounded to two digits: else each new one would change all of them.
    """
    unit = float(f"{median(tree.spreads):.2g}") if tree.spreads else 0.0

    def count(node: Node) -> Iterator[tuple[tuple[Arm, str, bool], int]]:
        credited = arms(note_of(node)) if node.verdict else ()
        value = reward(node, unit, minimum_gain) if credited else None
        if value is not None:
            family = family_name(tree, node)
            for arm in credited:
                yield (arm, family, True), 1
                yield (arm, family, False), round(value * PARTS_OF_ONE)

    sums = tree.sums(("credit", unit, minimum_gain, note_of), count)
    brought: dict[Arm, dict[str, Total]] = {}
    for arm, family in sorted({(arm, family) for arm, family, _ in sums}):
        parts, tried = sums.get((arm, family, False), 0), sums.get((arm, family, True), 0)
        brought.setdefault(arm, {})[family] = Total(parts / PARTS_OF_ONE, tried)
    return brought


def family_name(tree: Tree, node: Node) -> str:
    """The name of the planted ancestor of a node, which itself need not be in the tree yet."""
    return plain(tree.root(node).name)


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
