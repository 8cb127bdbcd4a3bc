"""The tree that nodes form, and read-only questions about it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ..evals import Claim, Rule, Summary, Verdict
from ..evals.judge import Effect
from .node import Node
from .place import ArchiveError
from .ranks import as_measured, least_squares, shrunken

PROMISED = ("promising", "confirmed", "unproven", "refuted")  # what a screen made hope for


class NoSuchNode(ArchiveError):
    """A number that no node of a tree has."""


class NotAChild(ArchiveError):
    """A planted node where one is needed that an agent proposed, or a child without a screen."""


@dataclass(frozen=True)
class Child:
    """A node that an agent proposed, with the parent and the verdict that planted nodes lack."""

    node: Node
    parent: Node
    verdict: Verdict

    @property
    def screen(self) -> Summary:
        """The gains over the parent on search seeds; raises NotAChild if they were not measured."""
        if self.verdict.screen is None:
            raise NotAChild(f"node {self.node.id} was never screened: it has no gain to judge by")
        return self.verdict.screen


class Tree:
    """The nodes of one run, oldest first, as they stood at one moment."""

    def __init__(self, states: Iterable[Node]) -> None:
        """Take states of nodes, oldest first; a later state of a node replaces an earlier one."""
        self._numbered = {node.number: node for node in states}
        self._nodes = tuple(self._numbered[number] for number in sorted(self._numbered))
        self._children: dict[int, list[Node]] = {}
        for node in self._nodes:
            if node.parent is not None:
                self._children.setdefault(node.parent, []).append(node)

    def __len__(self) -> int:
        """How many nodes."""
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        """Nodes, oldest first."""
        return iter(self._nodes)

    def __getitem__(self, number: int) -> Node:
        """The node of that number; raises NoSuchNode if there is none."""
        try:
            return self._numbered[number]
        except KeyError:
            raise NoSuchNode(f"the run has no node {number}") from None

    def children(self, node: Node) -> Sequence[Node]:
        """Direct descendants."""
        return self._children.get(node.number, [])

    def child(self, node: Node) -> Child:
        """The node beside its parent; raises NotAChild for a planted node.

        The node itself need not be in the tree yet.
        """
        if node.parent is None or node.verdict is None:
            raise NotAChild(f"node {node.id} was planted, not proposed: choose a child of it")
        return Child(node, self[node.parent], node.verdict)

    def lineage(self, node: Node) -> list[Node]:
        """The path from a planted node down to `node`."""
        path = [node]
        while path[-1].parent is not None:
            path.append(self[path[-1].parent])
        return path[::-1]

    @property
    def trials(self) -> int:
        """How many trials the nodes took, planted ones included."""
        return sum(node.trials for node in self)

    def totals(self, count: Callable[[Node], int]) -> dict[int, int]:
        """The sum of `count` over each node and all its descendants, by number.

        One pass over a new mapping: a child always has a higher number than its parent.
        """
        totals = {node.number: count(node) for node in self}
        for node in reversed(self._nodes):
            if node.parent in totals:
                totals[node.parent] += totals[node.number]
        return totals

    def eligible(self) -> list[Node]:
        """Nodes that may be built on."""
        return [node for node in self if node.eligible]

    def confirmed(self) -> list[Node]:
        """Nodes that fresh evidence confirmed."""
        return [node for node in self if node.standing == "confirmed"]

    def claims(self) -> list[Claim]:
        """Every claim put to fresh seeds so far, in the order in which they were tested."""
        return [claim for _, claim in self.claimed()]

    def claimed(self) -> list[tuple[Node, Claim]]:
        """Every claim with the node that it is about, in the order in which they were tested."""
        pairs = [(node, claim) for node in self if node.verdict for claim in node.verdict.claims]
        return sorted(pairs, key=lambda pair: pair[1].turn)

    def anchor(self, node: Node) -> Node:
        """The node whose gain `node` carries: itself, or what it was simplified from.

        Simplifications are compared with it, so that no chain of them can slide downhill.
        """
        while node.verdict and node.verdict.claims and node.verdict.claims[0].says == "simpler":
            node = self[node.verdict.claims[0].versus]
        return node

    @cached_property
    def rule(self) -> Rule | None:
        """The rule that the run is judged by; None if no verdict names one, as in old archives."""
        verdicts = (node.verdict for node in self if node.verdict)
        return next((verdict.rule for verdict in verdicts if verdict.rule), None)

    @cached_property
    def effects(self) -> Mapping[int, Effect]:
        """The gain over the start of every planted and kept node, with its standard error.

        From common seeds and from the fresh ones of all claims, by least squares. Runs that rank
        by shrunken gains, as older ones do, have those on the common seeds alone.
        """
        if self.rule is None or self.rule.ranks == "shrunken":
            return as_measured(self._ranked)
        claims = [(node.number, claim) for node, claim in self.claimed()]
        return least_squares(self._ranked, claims, self.rule.design)

    @cached_property
    def ranks(self) -> Mapping[int, Effect]:
        """What the run ranks its nodes by: their `effects`, or in older runs shrunken gains."""
        if self.rule is None or self.rule.ranks == "shrunken":
            return shrunken(self._ranked)
        return self.effects

    @cached_property
    def ranking(self) -> Mapping[int, float]:
        """The gain over the start by which every planted and kept node ranks."""
        return {number: rank.gain for number, rank in self.ranks.items()}

    @cached_property
    def ranking_error(self) -> Mapping[int, float]:
        """Standard deviation of every gain in `ranking`."""
        return {number: rank.error for number, rank in self.ranks.items()}

    @cached_property
    def _ranked(self) -> list[Node]:
        """Planted nodes with a score, then kept ones; each is older than those made from it."""
        return [*self.planted(), *(n for n in self if n.kept and n.parent is not None)]

    def best(self) -> Node | None:
        """The kept node of the highest rank, of equal ones the oldest.

        Validated nodes go first, then confirmed ones.
        """
        kept = [node for node in self if node.kept]
        return max(
            kept,
            key=lambda n: (n.validated, n.standing == "confirmed", self.ranking[n.number]),
            default=None,
        )

    def validated(self) -> "Tree":
        """Only the nodes that may be believed, under their numbers, and no failed baseline."""
        return Tree([node for node in self if node.validated and not node.failure])

    def roots(self) -> list[Node]:
        """The start and the baselines, those that failed included."""
        return [node for node in self if node.verdict is None]

    def planted(self) -> list[Node]:
        """The start and the baselines that have a score: what is built on and compared with."""
        return [node for node in self.roots() if not node.failure]

    def proposals(self) -> list[Node]:
        """The nodes that an agent was asked for, whatever became of them."""
        return [node for node in self if node.verdict is not None]

    def fruitless(self) -> int:
        """How many proposals in a row, the last ones, could not be measured."""
        proposals = self.proposals()
        last = (count for count, node in enumerate(reversed(proposals)) if node.measured)
        return next(last, len(proposals))

    def funnel(self) -> Mapping[str, int]:
        """How many proposals got how far.

        Each is one of duplicate, empty, invalid and screened, so that these add up to proposed. Of
        the screened some are promising, and of those some are confirmed, unproven or refuted.
        """
        proposals = self.proposals()
        discarded = sum(node.discarded for node in proposals)
        count = Counter(_fate(node) for node in proposals)
        standing = Counter(node.standing for node in proposals)
        return {
            "proposed": len(proposals) + discarded,
            "duplicate": count["duplicate"] + discarded,
            "empty": count["empty"],
            "invalid": count["invalid"],
            "screened": count["screened"],
            "promising": sum(standing[word] for word in PROMISED),
            "confirmed": standing["confirmed"],
            "unproven": standing["unproven"],
            "refuted": standing["refuted"],
        }


def _fate(node: Node) -> Literal["duplicate", "empty", "invalid", "screened"]:
    """The one class of the funnel that a proposal falls into."""
    if node.standing == "invalid":
        return "invalid"
    if node.evidence or node.standing != "no gain":
        return "screened"
    # It passed its smoke test, and was then found on its way already; or it was never offered.
    return "duplicate" if node.behaviour else "empty"
