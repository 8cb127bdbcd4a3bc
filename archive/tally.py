"""Whole numbers summed up over the nodes of a tree, and kept up as it grows.

All trees that grow out of one another share a ledger of their states. A sum that was taken of one
of them is brought to another by the states between the two, forwards or backwards: whole numbers
add up to the same in any order.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Lock
from typing import Any, TypeVar

from .node import Node

Name = TypeVar("Name", bound=Hashable)
Count = Callable[[Node], Iterable[tuple[Name, int]]]
KEPT = 8  # sums that a ledger keeps: those asked last


class Ledger:
    """Every state of a line of trees, each with the one that it replaced."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Begin with the nodes of a tree."""
        self._states: list[tuple[Node | None, Node]] = [(None, node) for node in nodes]
        self._sums: dict[Hashable, tuple[int, dict[Any, int]]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """How many states."""
        return len(self._states)

    def add(self, before: Node | None, node: Node) -> None:
        """One more state, and that which it replaces."""
        self._states.append((before, node))

    def sums(self, length: int, key: Hashable, count: Count[Name]) -> Mapping[Name, int]:
        """The sums after the first `length` states of what `count` says of each node.

        `key` names them: under the same one `count` has to say the same of a node, which may not
        depend on nodes younger than it.
        """
        with self._lock:
            at, sums = self._sums.pop(key, (0, {}))
            low, high = sorted((at, length))
            forwards = 1 if length >= at else -1
            for before, node in self._states[low:high]:
                for name, number in count(node):
                    sums[name] = sums.get(name, 0) + forwards * number
                for name, number in count(before) if before else ():
                    sums[name] = sums.get(name, 0) - forwards * number
            self._sums[key] = length, sums
            while len(self._sums) > KEPT:
                del self._sums[next(iter(self._sums))]
            return {name: number for name, number in sums.items() if number}
