"""What a search asks of a tree at every turn, kept up node by node: no turn looks at all of them.

Nodes are put in one state at a time. A copy shares what does not change, so that a tree as it
stood at one moment costs little to keep while the next one grows.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .node import Node

# Small groups of nodes, by name.
GROUPS: Mapping[str, Callable[[Node], bool]] = {
    "roots": lambda node: node.verdict is None,
    "eligible": lambda node: node.eligible,
    "kept": lambda node: node.kept,
    "confirmed": lambda node: node.standing == "confirmed",
    "borne out": lambda node: node.borne_out,
    "waiting": lambda node: node.waiting,
    "claiming": lambda node: bool(node.verdict and node.verdict.claims),
    "estimated": lambda node: bool(node.verdict and node.verdict.estimate),
    "tuned": lambda node: node.tuning is not None,
}
RANKED = ("roots", "kept", "claiming")  # those whose nodes decide how all of them rank


class Screened(NamedTuple):
    """What the screen of a node that was not kept says: its mean gain over its `parent`."""

    parent: int
    mean: float


class Index:
    """The nodes of a run by number, and those that a turn asks for."""

    def __init__(self) -> None:
        """No nodes yet."""
        self.nodes: dict[int, Node] = {}
        self.children: dict[int, dict[int, Node]] = {}
        self.groups: dict[str, dict[int, Node]] = {name: {} for name in GROUPS}
        self.forms: dict[str, int] = {}  # the last node with a canonical form
        self.twins: dict[str, Node] = {}  # of the nodes that behave alike, the smallest
        self.screened: dict[int, Screened] = {}
        self.gained: dict[int, int] = {}  # how many children of a node improved on it
        self.spreads: list[float] = []  # standard deviations of screened gains, in order
        self.trials = self.proposals = self.proposed_trials = self.unsound = 0

    @classmethod
    def of(cls, states: Iterable[Node]) -> "Index":
        """The index of states of nodes, oldest first; a later state replaces an earlier one."""
        latest = {node.number: node for node in states}
        index = cls()
        for number in sorted(latest):
            index._put(latest[number])
        return index

    def grown(self, node: Node) -> "Index":
        """An index with a new node or a later state of one; this one stays as it is."""
        if (
            node.number not in self.nodes
            and self.nodes
            and node.number < next(reversed(self.nodes))
        ):
            return Index.of([*self.nodes.values(), node])  # out of order, as no search grows
        index = Index()
        index.__dict__.update(
            {name: _copied(value) for name, value in vars(self).items() if name != "children"}
        )
        index.children = dict(self.children)
        if node.parent in index.children:
            index.children[node.parent] = dict(index.children[node.parent])
        index._put(node)
        return index

    def group(self, name: str) -> list[Node]:
        """The nodes of a group, oldest first."""
        members = self.groups[name]
        return [members[number] for number in sorted(members)]

    def ranks_alike(self, node: Node) -> bool:
        """Whether a further state of a node changes nothing by which nodes rank."""
        among = any(GROUPS[name](node) for name in RANKED)
        return not among and all(node.number not in self.groups[name] for name in RANKED)

    def _put(self, node: Node) -> None:
        before = self.nodes.get(node.number)
        if before is not None:
            self._count(before, -1)
        self.nodes[node.number] = node
        if node.parent is not None:
            self.children.setdefault(node.parent, {})[node.number] = node
        for name, belongs in GROUPS.items():
            if belongs(node):
                self.groups[name][node.number] = node
            else:
                self.groups[name].pop(node.number, None)
        if before is None:
            self.forms[node.canonical] = node.number
        self._twin(node, new=before is None)
        self._count(node, 1)

    def _twin(self, node: Node, new: bool) -> None:
        """Keep the smallest of the nodes that behave alike, of equal ones the last."""
        if not node.behaviour:
            return
        smallest = self.twins.get(node.behaviour)
        if (
            smallest is None
            or smallest.number == node.number
            or (new and node.size <= smallest.size)
        ):
            self.twins[node.behaviour] = node

    def _count(self, node: Node, sign: int) -> None:
        """Count a node in what is summed up, or take it out again."""
        self.trials += sign * node.trials
        self.unsound += sign * (not node.validated or bool(node.failure))
        if node.verdict is None:
            return
        self.proposals += sign
        self.proposed_trials += sign * node.trials
        if node.parent is not None:
            self.gained[node.parent] = self.gained.get(node.parent, 0) + sign * node.gained
        if screen := node.verdict.screen:
            if sign > 0:
                insort(self.spreads, screen.sd)
            else:
                del self.spreads[bisect_left(self.spreads, screen.sd)]
        self.screened.pop(node.number, None)
        if sign > 0 and node.parent is not None and screen and node.unproven_form:
            self.screened[node.number] = Screened(node.parent, screen.mean)


def _copied(value: object) -> object:
    """A copy of a table one level deep, two levels where it holds tables."""
    if isinstance(value, dict):
        nested = value and isinstance(next(iter(value.values())), dict)
        return {key: dict(table) for key, table in value.items()} if nested else dict(value)
    return list(value) if isinstance(value, list) else value
