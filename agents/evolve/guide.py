"""What guides the draws of edits, motifs and places: here the weights that are set by hand."""

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Protocol, TypeVar

LONGEST = 60  # characters of a name in a note

Item = TypeVar("Item")


class Named(Protocol):
    """A motif: what is learned of it goes by its name."""

    @property
    def name(self) -> str:
        """What a note calls it."""

    @property
    def prior(self) -> float:
        """How often it is tried at first, relative to others."""


AnyMotif = TypeVar("AnyMotif", bound=Named)


class Guide:
    """Draws by the weights set by hand; a kind of it that has learned weighs them anew."""

    learns = False  # whether proposals are to note what they are made of

    def edits(self, weights: Mapping[str, float], rng: Random) -> list[float]:
        """The weight of each kind of edit, in their order."""
        return list(weights.values())

    def motifs(self, motifs: Sequence[AnyMotif], rng: Random) -> list[AnyMotif]:
        """The motifs in the order in which they are to be tried.

        A weighted shuffle (Efraimidis and Spirakis 2006): the larger its prior, the earlier.
        """
        keys = [rng.random() ** (1.0 / motif.prior) for motif in motifs]
        order = sorted(range(len(motifs)), key=lambda at: keys[at], reverse=True)
        return [motifs[at] for at in order]

    def pick(
        self,
        items: Sequence[Item],
        rng: Random,
        where: Callable[[Item], str],
        weights: Sequence[float] | None = None,
    ) -> Item:
        """Draw one of some items, by weights; `where` says in coarse words where each stands."""
        return rng.choices(items, weights)[0] if weights else rng.choice(items)


BY_HAND = Guide()


def plain(name: str) -> str:
    """A name without the signs that part a note, and no longer than `LONGEST`."""
    return " ".join(re.findall(r"[^\s,;:]+", name))[:LONGEST].strip()
