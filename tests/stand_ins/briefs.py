"""A brief for tests of agents that need neither a model nor a sandbox."""

from random import Random

from ratchet.agents.base import Brief
from ratchet.archive import Node, Tree
from ratchet.sandbox import Isolation, Job, Result
from ratchet.search.desk.desk import RunDesk
from ratchet.tasks import Task


class Nothing:
    """A sandbox in which nothing can run."""

    name = "nothing"
    isolation: Isolation = "none"

    def run(self, job: Job) -> Result:
        raise AssertionError("this agent was not to run anything")

    def describe(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass


def bare(task: Task, parent: Node, tree: Tree, rng: Random) -> Brief:
    """A brief at a desk with nothing on it."""
    return Brief(task, parent, tree, rng, RunDesk("test/0.0", task, Nothing(), None, None))
