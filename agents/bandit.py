"""Which of several models to ask next: a bandit that minds what a reply costs.

After the model selection of ShinkaEvolve (Lange et al. 2025): UCB1 (Auer et al. 2002) on gains that
count less the older they are, blended with cheapness, over a floor of uniform choice.
"""

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

DECAY = 0.95  # factor on a reward's weight for each later reward of the same arm
FLOOR = 0.2  # share of choices that are uniform
EXPLORATION = 0.3  # in simulations a smaller one gains a little more but notices changes later
THRIFT = 0.2  # weight of cheapness; the reward has the rest


class Arm(NamedTuple):
    """A model, the gain of each of its proposals over the parent, oldest first, and its price.

    A proposal that failed or lost counts as 0: below that nothing is learned about a model that
    sometimes wins. Prices are relative; only their ratios matter.
    """

    name: str
    rewards: Sequence[float] = ()
    price: float = 0.0


def choose(
    arms: Sequence[Arm],
    rng: Random,
    exploration: float = EXPLORATION,
    thrift: float = THRIFT,
    floor: float = FLOOR,
) -> str:
    """Draw an arm's name by `chances`; only `rng` changes."""
    weights = chances(arms, exploration, thrift, floor)
    return rng.choices([arm.name for arm in arms], weights)[0]


def chances(
    arms: Sequence[Arm],
    exploration: float = EXPLORATION,
    thrift: float = THRIFT,
    floor: float = FLOOR,
) -> list[float]:
    """The probability of each arm: `floor` shared by all, the rest by those of the best score.

    While some arms have no rewards yet, those share the rest. Raises ValueError without arms, for a
    name that comes twice, and for prices that are negative or not finite.
    """
    names = [arm.name for arm in arms]
    if not arms or len(set(names)) < len(names):
        raise ValueError(f"an ensemble needs models of different names, not {names}")
    if not all(math.isfinite(arm.price) and arm.price >= 0 for arm in arms):
        raise ValueError("a model's price has to be a number, 0 or more")
    best = [not arm.rewards for arm in arms]
    if not any(best):
        values = scores(arms, exploration, thrift)
        best = [value == max(values) for value in values]
    return [floor / len(arms) + (1 - floor) * weight / sum(best) for weight in best]


def scores(
    arms: Sequence[Arm], exploration: float = EXPLORATION, thrift: float = THRIFT
) -> list[float]:
    """Each arm's (1 - thrift) mean + thrift cheapness + exploration sqrt(2 ln t / n).

    Rewards are scaled to [0, 1] by the range seen in all arms, n is an arm's decayed count, and t
    the sum of those. The cheapness of a free model is 1, of the dearest 0. Every arm needs rewards.
    """
    gains = [[_gain(reward) for reward in arm.rewards] for arm in arms]
    low, high = min(map(min, gains)), max(map(max, gains))
    weights = [[DECAY**age for age in reversed(range(len(rewards)))] for rewards in gains]
    counts = [sum(ages) for ages in weights]
    means = [
        sum(w * (gain - low) for w, gain in zip(ws, own, strict=True)) / (n * (high - low or 1.0))
        for ws, own, n in zip(weights, gains, counts, strict=True)
    ]
    dearest, total = max(arm.price for arm in arms) or 1.0, sum(counts)
    return [
        (1 - thrift) * mean
        + thrift * (1 - arm.price / dearest)
        + exploration * math.sqrt(2 * math.log(total) / n)
        for arm, mean, n in zip(arms, means, counts, strict=True)
    ]


def _gain(reward: float) -> float:
    """The reward as it counts; losses, failures and values that are no number count 0."""
    return min(reward, 1e100) if math.isfinite(reward) and reward > 0 else 0.0  # sums stay finite
