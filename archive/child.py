"""A node beside its parent."""

from dataclasses import dataclass

from ..evals import Summary, Verdict
from .node import Node
from .place import ArchiveError


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
