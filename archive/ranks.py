"""The gain over the start of every node that is built on, from all the seeds that compare them.

These are the common seeds and those of the claims. Screens have no part in it: a child was picked
for being high on them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, Protocol

from ..evals import COMMON, Claim, Rule, Summary, Verdict, judge
from ..evals.judge import Effect, Reading


class Ranked(Protocol):
    """What is used of a node: its number, its verdict, and what the common seeds say."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def parent(self) -> int | None:
        """The number of the node that it changes."""

    @property
    def verdict(self) -> Verdict | None:
        """With its claims and its gain over the parent; planted nodes have none."""

    @property
    def gain(self) -> float | None:
        """Mean gain over the start on the common seeds."""

    @property
    def gain_error(self) -> float:
        """Standard error of `gain`."""

    @property
    def common_seeds(self) -> int:
        """How many seeds `gain` is from."""

    @property
    def common(self) -> Sequence[Summary]:
        """Gains over the start on common seeds, block by block."""


class Standings:
    """How the nodes that are built on rank, by the rule that their run is judged by.

    `worth` is for whoever finds out what follows from that for other nodes, by their numbers: a
    value beside the state of the node and the rule that it is of.
    """

    def __init__(
        self, nodes: Sequence[Ranked], claims: Sequence[tuple[int, Claim]], rule: Rule | None
    ) -> None:
        """Take planted nodes and then kept ones, and every claim with the number of its node."""
        self._nodes, self._claims = nodes, claims
        self.worth: dict[int, tuple[object, object, float]] = {}
        self._rule = None if rule is None or rule.ranks == "shrunken" else rule

    @cached_property
    def effects(self) -> Mapping[int, Effect]:
        """The gain over the start of each, with its standard error."""
        if self._rule is None:
            return as_measured(self._nodes)
        return least_squares(self._nodes, self._claims, self._rule.design)

    @cached_property
    def ranks(self) -> Mapping[int, Effect]:
        """What they rank by: their `effects`, or in older runs shrunken gains."""
        return shrunken(self._nodes) if self._rule is None else self.effects

    @cached_property
    def ranking(self) -> Mapping[int, float]:
        """The gain over the start by which each ranks."""
        return {number: rank.gain for number, rank in self.ranks.items()}

    @cached_property
    def ranking_error(self) -> Mapping[int, float]:
        """Standard deviation of every gain in `ranking`."""
        return {number: rank.error for number, rank in self.ranks.items()}


def least_squares(
    nodes: Sequence[Ranked],
    claims: Iterable[tuple[int, Claim]],
    design: Literal["paired", "unpaired"],
) -> Mapping[int, Effect]:
    """The effect of each of `nodes` over the start, from its common seeds and from `claims`.

    A claim comes with the number of the node that made it. On common seeds all nodes share an
    offset, block by block, and in a `paired` design so do the nodes that ran the seeds of a claim.
    In an `unpaired` one scores of different seeds share nothing, so they are compared as they are.
    """
    among = {node.number for node in nodes}
    usable = [(number, claim) for number, claim in claims if claim.gain and not claim.void]
    fresh = _paired(usable, among) if design == "paired" else _unpaired(usable, among)
    return judge.effects([*_on_common_seeds(nodes), *fresh], reference=0)


def _on_common_seeds(nodes: Sequence[Ranked]) -> Iterator[Reading]:
    """Each block of each node; the start, with which they are compared, has run every one."""
    blocks = set[tuple[str, int]]()
    for node in nodes:
        done = 0
        for block in node.common:
            offset = f"{COMMON}/{done}"
            if node.number:
                yield Reading(node.number, offset, block.mean, block.pairs, block.sd / math.sqrt(2))
            blocks.add((offset, block.pairs))
            done += block.pairs
    for offset, seeds in sorted(blocks):
        yield Reading(0, offset, 0.0, seeds)


def _paired(claims: Iterable[tuple[int, Claim]], among: set[int]) -> Iterator[Reading]:
    """Gains on shared seeds: a stream has an offset, and each of its nodes a mean above that.

    A stream that one node and several rivals have run counts the node's seeds once.
    """
    means, counts = dict[tuple[str, int], float](), dict[tuple[str, int], int]()
    for number, claim in claims:
        if claim.gain is None or not among >= {number, claim.versus}:
            continue
        gain, node, rival = claim.gain, (claim.stream, number), (claim.stream, claim.versus)
        sd = gain.sd / math.sqrt(2)
        if node not in means:
            means[node], counts[node] = means.get(rival, 0.0) + gain.mean, gain.pairs
            yield Reading(number, claim.stream, means[node], gain.pairs, sd)
        if rival not in means:
            means[rival], counts[rival] = means[node] - gain.mean, gain.pairs
            # Where the node's mean is from other seeds too, that adds to the noise of the rival's.
            noise = 1 / gain.pairs + abs(1 / gain.pairs - 1 / counts[node])
            yield Reading(claim.versus, claim.stream, means[rival], 1 / noise, sd)


def _unpaired(claims: Iterable[tuple[int, Claim]], among: set[int]) -> Iterator[Reading]:
    """Scores of seeds that nothing shares: every node above one and the same offset.

    Also claims that did not hold say how good the rival is, whose seeds chose nothing.
    """
    longest = dict[tuple[int, str], Summary]()
    for number, claim in claims:
        if claim.scores is None:
            continue
        own, rival = claim.scores
        for key, scores in (
            ((number, claim.stream), own),
            ((claim.versus, f"{claim.stream}/rival"), rival),
        ):
            if key[0] in among and (key not in longest or longest[key].pairs < scores.pairs):
                longest[key] = scores
    for (number, _), scores in longest.items():
        yield Reading(number, "", scores.mean, scores.pairs, scores.sd)


def as_measured(nodes: Iterable[Ranked]) -> dict[int, Effect]:
    """The gain of each node on the common seeds alone."""
    return {n.number: Effect(n.gain or 0.0, n.gain_error, n.common_seeds) for n in nodes}


def shrunken(nodes: Sequence[Ranked]) -> Mapping[int, Effect]:
    """How older runs rank: sums of the gains over parents, each drawn towards zero by its noise.

    Where noise leaves only a share of a node's step from its parent, it leaves as much of the
    variance of its gain, as in the posterior of a normal effect.
    """
    steps = {n.number: n.verdict.estimate for n in nodes if n.verdict and n.verdict.estimate}
    drawn = judge.shrunken([Summary(mean=s.gain, sd=s.error, pairs=1) for s in steps.values()])
    shrunk = dict(zip(steps, drawn, strict=True))
    ranked = as_measured(node for node in nodes if node.parent is None)
    for node in nodes:
        if (step := steps.get(node.number)) is None:
            ranked |= as_measured([node])
            continue
        base = ranked[node.parent or 0].gain if (node.parent or 0) in ranked else 0.0
        gain = base + shrunk[node.number]
        share = max(0.0, min(1.0, (gain - base) / step.gain)) if step.gain else 1.0
        error = node.gain_error * math.sqrt(share)
        ranked[node.number] = Effect(gain, error, node.common_seeds)
    return ranked
