"""Fit proposals to their parent before anything is spent on them, by what the smoke test shows.

A child that does nothing is passed over, and one that steps much farther than its parent is scaled
to the parent's step. How much a child changes the step says how likely it is to gain: small changes
seldom can, and of large ones nearly all are ruinous. The shares are learned in each run.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from ...archive import Node, Tree
from ...evals import Candidate
from ...tasks import Probe
from ..base import Brief, ProposalError, Tried
from .program import Program
from .steps import Change, change, rescaled

NOTE = "change of the step"
OFFERS = 6  # children made and tried for one proposal
FAR = 3.0  # a step so many times its parent's, or such a part of it, is scaled
NEAR = 2.0  # what a scaled step of any kind may still differ by
OTHER = 0.1  # a scaled step that changes less was another size of the same step, and meant to be
VOID = 1e-4  # changes below this are rounding
BOUNDS = (0.01, 0.2, 0.5)
# Confirmed children, and all, by how they changed their parent's step: three recorded searches of
# `optimizer` from AdamW, NAdamW, Muon and plain SGD. Scaled children are a class of their own, of
# which these did not have any: a guess.
CONFIRMED, TRIED = (1, 6, 3, 1, 2), (39, 107, 79, 191, 50)
SCALED = len(BOUNDS) + 1
WORTH = 40.0  # children of the run that those of each class are worth
LEAST = 0.1  # of the best class's chance, which every class keeps

Read = Callable[[str], Program | None]


class Offer(NamedTuple):
    """A child, and what it does to its parent's step; None where that is not known."""

    candidate: Candidate
    change: Change | None = None
    scaled: bool = False

    @property
    def noted(self) -> Candidate:
        """The candidate, with a note of its change."""
        if self.change is None:
            return self.candidate
        share = f"{self.change.share:.3g}{', scaled' if self.scaled else ''}"
        notes = {**self.candidate.notes, NOTE: share}
        return self.candidate.model_copy(update={"notes": notes})


def fitted(brief: Brief, own: Tried, make: Callable[[], Candidate], read: Read) -> Candidate:
    """The first child of `make` that is likely enough to gain, or the likeliest of `OFFERS`.

    `own` is the parent's smoke test. `read` reads a file of a program. Raises ProposalError where
    not even one child can be made.
    """
    probe = brief.task.manifest.probe
    if probe is None or not own.ok:
        return make()
    chances = gain_chances(brief.tree)
    best: tuple[float, Candidate] | None = None
    for _ in range(OFFERS):
        try:
            candidate = make()
        except ProposalError:
            if best is None:
                raise
            break
        offer, works = _scaled(brief, Offer(candidate), own, probe, read)
        chance = _chance(offer, chances) if works else 0.0
        if works and brief.rng.random() < chance / max(chances):
            return offer.noted
        if best is None or chance > best[0]:
            best = chance, offer.noted
    assert best is not None
    return best[1]


def gain_chances(tree: Tree) -> tuple[float, ...]:
    """The chance of a child to be confirmed, by the class of its change: what the run has shown.

    Children that still wait count as confirmed, until it is known better.
    """
    sums = tree.sums("classes of changes", _counted)
    chances = [
        (WORTH * before / all_ + sums.get(("gained", at), 0)) / (WORTH + sums.get(("tried", at), 0))
        for at, (before, all_) in enumerate(zip(CONFIRMED, TRIED, strict=True))
    ]
    return tuple(max(chance, LEAST * max(chances)) for chance in chances)


def _counted(node: Node) -> Iterator[tuple[tuple[str, int], int]]:
    """What a node adds to the classes of changes that were tried, and to those that gained."""
    place = _place(node.candidate) if node.verdict and node.standing != "invalid" else None
    if place is not None:
        yield ("tried", place), 1
        yield ("gained", place), int(node.standing in ("confirmed", "promising"))


def classed(share: float, scaled: bool = False) -> int:
    """The class of a change: which of `BOUNDS` it reaches, or `SCALED`."""
    return SCALED if scaled else sum(share >= bound for bound in BOUNDS)


def _place(candidate: Candidate) -> int | None:
    """The class of the change that a candidate was noted with."""
    share, _, scaled = candidate.notes.get(NOTE, "").partition(", ")
    try:
        return classed(float(share), scaled == "scaled")
    except ValueError:
        return None


def _chance(offer: Offer, chances: tuple[float, ...]) -> float:
    """The chance of an offer to gain; 0 for one that does what its parent does."""
    if offer.change is None:
        return max(chances)
    if offer.change.share < VOID:
        return 0.0
    return chances[classed(offer.change.share, offer.scaled)]


def _scaled(brief: Brief, offer: Offer, own: Tried, probe: Probe, read: Read) -> tuple[Offer, bool]:
    """The offer with its change, its step brought to its parent's size; and whether it works."""
    tried = brief.desk.try_out(offer.candidate.files)
    if not tried.ok:
        return offer, False
    moved = change(own.reply, tried.reply, probe)
    offer = Offer(offer.candidate, moved)
    if moved is None or probe.of != "states" or moved.within(FAR):
        return offer, True
    smaller = _rescaled(offer.candidate, moved, probe.kind, brief.rng, read)
    if smaller is None:
        return offer, True
    tried = brief.desk.try_out(smaller.files)
    after = change(own.reply, tried.reply, probe) if tried.ok else None
    if after is not None and after.within(NEAR) and after.share >= OTHER:
        return Offer(smaller, after, scaled=True), True
    return offer, True


def _rescaled(
    candidate: Candidate, moved: Change, kind: str, rng: Random, read: Read
) -> Candidate | None:
    """The candidate with its step scaled to its parent's; None where no edit can do that."""
    if len(candidate.files) != 1:
        return None
    ((name, text),) = candidate.files.items()
    program = read(text)
    edited = rescaled(program, moved, kind, rng) if program else None
    if edited is None:
        return None
    idea = f"{candidate.idea}; {edited.idea}"
    return candidate.model_copy(update={"files": {name: edited.module.code}, "idea": idea})
