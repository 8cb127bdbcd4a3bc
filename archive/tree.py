"""The tree that nodes form, and read-only questions about it."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from ..evals import Claim, Rule
from ..evals.judge import Effect
from .child import Child, NotAChild
from .funnel import counted, funnel
from .index import Index, Screened
from .node import Node
from .place import ArchiveError
from .ranks import Standings
from .tally import Count, Ledger, Name


class NoSuchNode(ArchiveError):
    """A number that no node of a tree has."""


class Tree:
    """The nodes of one run, oldest first, as they stood at one moment."""

    def __init__(self, states: Iterable[Node]) -> None:
        """Take states of nodes, oldest first; a later state of a node replaces an earlier one."""
        self._index = Index.of(states)
        self._numbered = self._index.nodes
        self._ledger = Ledger(self._numbered.values())
        self._length = len(self._ledger)

    def grown(self, node: Node) -> "Tree":
        """The tree with a new node, or a later state of one; this one stays as it is.

        That costs much less than a tree made anew, and so does what is asked of it next.
        """
        tree = Tree(())
        tree._index = self._index.grown(node)
        tree._numbered = tree._index.nodes
        tree._ledger = self._ledger
        if len(self._ledger) > self._length:  # another tree grew out of this one before
            tree._ledger = Ledger(self)
        tree._ledger.add(self._numbered.get(node.number), node)
        tree._length = len(tree._ledger)
        if self._index.ranks_alike(node) and tree.rule == self.rule:
            tree.__dict__["_standings"] = self._standings
        return tree

    def __len__(self) -> int:
        """How many nodes."""
        return len(self._numbered)

    def __iter__(self) -> Iterator[Node]:
        """Nodes, oldest first."""
        return iter(self._numbered.values())

    def __getitem__(self, number: int) -> Node:
        """The node of that number; raises NoSuchNode if there is none."""
        try:
            return self._numbered[number]
        except KeyError:
            raise NoSuchNode(f"the run has no node {number}") from None

    def children(self, node: Node) -> Sequence[Node]:
        """Direct descendants."""
        return list(self._index.children.get(node.number, {}).values())

    def brought(self, node: Node) -> tuple[int, int]:
        """How many children it has, and how many of them improved on it."""
        children = self._index.children.get(node.number, {})
        return len(children), self._index.gained.get(node.number, 0)

    def root(self, node: Node) -> Node:
        """The planted node from which it descends; the node itself need not be in the tree yet."""
        while node.parent is not None and node.parent in self._numbered:
            node = self._numbered[node.parent]
        return node

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
        return self._index.trials

    @property
    def proposed_trials(self) -> int:
        """How many trials the proposals took."""
        return self._index.proposed_trials

    @property
    def forms(self) -> Mapping[str, int]:
        """The number of a node by its canonical form; of several, the youngest."""
        return self._index.forms

    @property
    def behaviours(self) -> Mapping[str, Node]:
        """The smallest of the nodes that behave alike when tried out, of equal ones the last."""
        return self._index.twins

    @property
    def screened(self) -> Mapping[int, Screened]:
        """What screens say of the programs that were not kept, and that no tuning made."""
        return self._index.screened

    @property
    def spreads(self) -> Sequence[float]:
        """The standard deviations of the gains in all screens, in order."""
        return self._index.spreads

    def waiting(self) -> list[Node]:
        """Promising nodes that more seeds may decide about."""
        return self._index.group("waiting")

    def kept(self) -> list[Node]:
        """Nodes that were promoted."""
        return self._index.group("kept")

    def estimated(self) -> list[Node]:
        """Nodes whose gain over the parent was measured on seeds that chose nothing."""
        return self._index.group("estimated")

    def tuned(self) -> list[Node]:
        """Nodes that came of tuning."""
        return self._index.group("tuned")

    def sums(self, key: Hashable, count: Count[Name]) -> Mapping[Name, int]:
        """Sums of what `count` says of each node, as `Ledger.sums` has them."""
        return self._ledger.sums(self._length, key, count)

    def totals(self, count: Callable[[Node], int]) -> dict[int, int]:
        """The sum of `count` over each node and all its descendants, by number.

        One pass over a new mapping: a child always has a higher number than its parent.
        """
        totals = {node.number: count(node) for node in self}
        for node in reversed(self._numbered.values()):
            if node.parent in totals:
                totals[node.parent] += totals[node.number]
        return totals

    def eligible(self) -> list[Node]:
        """Nodes that may be built on."""
        return self._index.group("eligible")

    def confirmed(self) -> list[Node]:
        """Nodes that fresh evidence confirmed."""
        return self._index.group("confirmed")

    def borne_out(self) -> list[Node]:
        """Those, and nodes that fresh evidence repeated where programs state their own scores."""
        return self._index.group("borne out")

    def claims(self) -> list[Claim]:
        """Every claim put to fresh seeds so far, in the order in which they were tested."""
        return [claim for _, claim in self.claimed()]

    def claimed(self) -> list[tuple[Node, Claim]]:
        """Every claim with the node that it is about, in the order in which they were tested."""
        return list(self._claimed)

    @cached_property
    def _claimed(self) -> Sequence[tuple[Node, Claim]]:
        nodes = self._index.group("claiming")
        pairs = [(node, claim) for node in nodes if node.verdict for claim in node.verdict.claims]
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

    @property
    def effects(self) -> Mapping[int, Effect]:
        """The gain over the start of every planted and kept node, with its standard error.

        From common seeds and from the fresh ones of all claims, by least squares. Runs that rank
        by shrunken gains, as older ones do, have those on the common seeds alone.
        """
        return self._standings.effects

    @property
    def ranks(self) -> Mapping[int, Effect]:
        """What the run ranks its nodes by: their `effects`, or in older runs shrunken gains."""
        return self._standings.ranks

    @property
    def ranking(self) -> Mapping[int, float]:
        """The gain over the start by which every planted and kept node ranks."""
        return self._standings.ranking

    @property
    def ranking_error(self) -> Mapping[int, float]:
        """Standard deviation of every gain in `ranking`."""
        return self._standings.ranking_error

    @property
    def worth(self) -> dict[int, tuple[object, object, float]]:
        """A table that trees share for as long as nothing ranks otherwise, as `Standings` says."""
        return self._standings.worth

    @cached_property
    def _standings(self) -> Standings:
        # Planted nodes with a score, then kept ones; each is older than those made from it.
        ranked = [*self.planted(), *(n for n in self.kept() if n.parent is not None)]
        claims = [(node.number, claim) for node, claim in self.claimed()]
        return Standings(ranked, claims, self.rule)

    def best(self) -> Node | None:
        """The kept node of the highest rank, of equal ones the oldest.

        Validated nodes go first, then those that fresh seeds bore out.
        """
        return max(
            self.kept(),
            key=lambda n: (n.validated, n.borne_out, self.ranking[n.number]),
            default=None,
        )

    def validated(self) -> "Tree":
        """Only the nodes that may be believed, under their numbers, and no failed baseline."""
        if not self._index.unsound:
            return self
        return Tree([node for node in self if node.validated and not node.failure])

    def roots(self) -> list[Node]:
        """The start and the baselines, those that failed included."""
        return self._index.group("roots")

    def planted(self) -> list[Node]:
        """The start and the baselines that have a score: what is built on and compared with."""
        return list(self._planted)

    @cached_property
    def _planted(self) -> Sequence[Node]:
        return [node for node in self.roots() if not node.failure]

    def proposals(self) -> list[Node]:
        """The nodes that an agent was asked for, whatever became of them."""
        return [node for node in self if node.verdict is not None]

    def fruitless(self) -> int:
        """How many proposals in a row, the last ones, could not be measured."""
        for count, node in enumerate(reversed(self._numbered.values())):
            if node.measured or node.verdict is None:
                return count
        return len(self)

    def funnel(self) -> Mapping[str, int]:
        """How many proposals got how far.

        Each is one of duplicate, empty, invalid and screened, so that these add up to proposed. Of
        the screened some are promising, and of those some are confirmed, unproven or refuted. Where
        programs state their own scores some are repeated, in place of confirmed.
        """
        return funnel(self.sums("funnel", counted))
