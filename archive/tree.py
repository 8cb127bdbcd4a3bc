"""Nodes and the tree they form: plain records and read-only questions about them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from ..evals import Candidate, Role, Verdict
from ..evals.records import Log
from ..sandbox import Isolation
from ..tasks import Frozen


class Evidence(Frozen):
    """Which seeds a node was measured on: the first `count` of a stream of its run's key.

    `versus` is the node it was paired with on those seeds, if any, and `role` names the workloads.
    """

    stream: str
    count: int
    role: Role = "dev"
    versus: int | None = None


class Node(Frozen):
    """A candidate with everything learned about it. Planted nodes have no verdict.

    `score` is the mean on the run's common search seeds and `gain` its gain over the start there;
    both are None for nodes that were not confirmed. `isolation` is that of the sandbox it ran in:
    where there was none, a candidate could have written its own scores.
    """

    run: str
    number: int
    parent: int | None
    kind: Literal["start", "baseline", "candidate"]
    name: str
    candidate: Candidate
    canonical: str
    behaviour: str | None
    evidence: tuple[Evidence, ...] = ()
    verdict: Verdict | None
    score: float | None = None
    gain: float | None = None
    environment: str
    isolation: Isolation
    discarded: int = 0
    evaluations: int = 0
    cpu_seconds: float = 0.0
    log: Log = ""

    @property
    def id(self) -> str:
        """How people name it: the run and the number."""
        return f"{self.run}.{self.number}"

    @property
    def standing(self) -> str:
        """One word for what it is."""
        return self.verdict.standing if self.verdict else self.kind

    @property
    def validated(self) -> bool:
        """Whether what is known of it was measured where a candidate could not touch the scores."""
        return self.verdict is None or self.isolation != "none"

    @property
    def eligible(self) -> bool:
        """Whether it may be built on: planted, or confirmed and validated; and scored."""
        sound = self.standing in ("start", "baseline", "confirmed") and self.validated
        return self.gain is not None and sound


class Tree:
    """The nodes of one run, oldest first, as they stood at one moment."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        """Take nodes in the order of their numbers."""
        self._nodes = tuple(nodes)
        self._numbered = {node.number: node for node in self._nodes}
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
        """The node of that number."""
        return self._numbered[number]

    def before(self, number: int) -> "Tree":
        """The tree as it stood when it had `number` nodes."""
        return Tree(self._nodes[:number])

    def children(self, node: Node) -> Sequence[Node]:
        """Direct descendants."""
        return self._children.get(node.number, [])

    def lineage(self, node: Node) -> list[Node]:
        """The path from a planted node down to `node`."""
        path = [node]
        while path[-1].parent is not None:
            path.append(self[path[-1].parent])
        return path[::-1]

    def eligible(self) -> list[Node]:
        """Nodes that may be built on."""
        return [node for node in self if node.eligible]

    def confirmed(self) -> list[Node]:
        """Nodes that fresh evidence confirmed."""
        return [node for node in self if node.standing == "confirmed"]

    def best(self) -> Node | None:
        """The confirmed node with the largest gain over the start, of the validated if any is."""
        return max(
            self.confirmed(), key=lambda node: (node.validated, node.gain or 0.0), default=None
        )

    def validated(self) -> "Tree":
        """Only the nodes that may be believed, under their numbers."""
        return Tree([node for node in self if node.validated])

    def planted(self) -> list[Node]:
        """The start and the baselines."""
        return [node for node in self if node.verdict is None]

    def funnel(self) -> Mapping[str, int]:
        """How many proposals got how far."""
        made = [node for node in self if node.verdict is not None]
        count = {
            word: sum(node.standing == word for node in made)
            for word in ("invalid", "no gain", "promising", "refuted", "confirmed")
        }
        return {
            "proposed": len(made) + sum(node.discarded for node in made),
            "duplicate": sum(node.discarded for node in made),
            "invalid": count["invalid"],
            "screened": len(made) - count["invalid"],
            "promising": count["promising"] + count["refuted"] + count["confirmed"],
            "confirmed": count["confirmed"],
            "refuted": count["refuted"],
        }
