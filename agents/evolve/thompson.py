"""A bandit over edits, motifs and places: Thompson sampling with shrunken chances and a floor.

Each arm has a Beta posterior of the reward that a proposal with it brings (Thompson 1933; Agrawal
and Goyal 2012 for rewards between 0 and 1). The arm with the highest draw is taken. Its posterior
is built from the weight that was set by hand, what earlier runs taught, what the run's other
families have brought, and the family's own proposals. All but the last count for at most so many
proposals (power priors, Ibrahim and Chen 2000), so that a family with a story of its own is judged
by that. With probability `EXPLORE` the weights set by hand decide: that is the floor of every arm.

Nothing is stored: all follows from the tree, so that a search that was killed learns the same.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random

from .credit import Arm, Part, Total, Totals, summed
from .guide import AnyMotif, Guide, Item, plain

EXPLORE = 0.15  # share of draws that is left to the weights set by hand
USUAL = 0.1  # the reward of an arm of average weight, before anything is known
# Proposals that a weight set by hand is worth. There are dozens of motifs, which one proposal each
# has to tell apart.
BY_WEIGHT: Mapping[Part, float] = {"edit": 10.0, "motif": 2.0, "place": 10.0}
FROM_OTHERS_EARLIER = 10.0  # what other families of earlier runs are worth, at most
FROM_EARLIER = 20.0  # what the same family of earlier runs is worth, at most
FROM_OTHERS = 20.0  # what other families of this run are worth, at most
LEAST = 0.2  # of the average chance, which every place keeps


class Thompson(Guide):
    """Draws what has paid more often; `family` is the planted ancestor of the parent."""

    learns = True

    def __init__(self, family: str, run: Totals, earlier: Totals) -> None:
        """Know what this run and earlier ones have brought, so far as they are read."""
        self.family, self.run, self.earlier = family, run, earlier

    def edits(self, weights: Mapping[str, float], rng: Random) -> list[float]:
        """The chance of each kind of edit, in their order; all add up to one."""
        drawn = self._drawn("edit", list(weights), list(weights.values()), rng)
        return floored(list(weights.values()), drawn)

    def motifs(self, motifs: Sequence[AnyMotif], rng: Random) -> list[AnyMotif]:
        """The motifs as they are to be tried: the first with a floor, then by their draws."""
        if not motifs:
            return []
        priors = [motif.prior for motif in motifs]
        drawn = self._drawn("motif", [motif.name for motif in motifs], priors, rng)
        first = rng.choices(range(len(motifs)), floored(priors, drawn))[0]
        order = sorted(range(len(motifs)), key=lambda at: (at == first, drawn[at]), reverse=True)
        return [motifs[at] for at in order]

    def pick(
        self,
        items: Sequence[Item],
        rng: Random,
        where: Callable[[Item], str],
        weights: Sequence[float] | None = None,
    ) -> Item:
        """Draw an item by its weight, times a draw of the chance of its place."""
        places = [where(item) for item in items]
        names = list(dict.fromkeys(places))
        drawn = self._drawn("place", names, [1.0] * len(names), rng)
        least = max(LEAST * sum(drawn) / len(drawn), 1e-9)
        chances = {name: max(chance, least) for name, chance in zip(names, drawn, strict=True)}
        pairs = zip(places, weights or [1.0] * len(items), strict=True)
        return rng.choices(items, [chances[name] * weight for name, weight in pairs])[0]

    def posterior(self, arm: Arm, promised: float) -> tuple[float, float]:
        """The Beta posterior of an arm's reward, whose weight by hand promises so much."""
        earlier, run, worth = self.earlier.get(arm, {}), self.run.get(arm, {}), BY_WEIGHT[arm[0]]
        evidence = summed(
            [
                Total(worth * promised, worth),
                _others(earlier, self.family).worth(FROM_OTHERS_EARLIER),
                earlier.get(self.family, Total()).worth(FROM_EARLIER),
                _others(run, self.family).worth(FROM_OTHERS),
                run.get(self.family, Total()),
            ]
        )
        return evidence.reward, evidence.tried - evidence.reward

    def _drawn(
        self, part: Part, names: Sequence[str], weights: Sequence[float], rng: Random
    ) -> list[float]:
        """A chance for each name, drawn from its posterior."""
        arms: list[Arm] = [(part, plain(name)) for name in names]
        pairs = zip(arms, promises(weights), strict=True)
        return [rng.betavariate(*self.posterior(arm, promised)) for arm, promised in pairs]


def promises(weights: Sequence[float]) -> list[float]:
    """The reward that each weight promises: so that first draws come about as often as weighed."""
    mean = sum(weights) / len(weights)
    return [min(0.5, max(0.01, USUAL * math.sqrt(weight / mean))) for weight in weights]


def floored(weights: Sequence[float], drawn: Sequence[float]) -> list[float]:
    """The chances of some arms: the highest draw has all but `EXPLORE`, which is by weight."""
    best = max(range(len(drawn)), key=lambda at: drawn[at])
    whole = sum(weights)
    return [
        EXPLORE * weight / whole + (1 - EXPLORE) * (at == best) for at, weight in enumerate(weights)
    ]


def _others(families: Mapping[str, Total], but: str) -> Total:
    return summed(total for name, total in families.items() if name != but)
