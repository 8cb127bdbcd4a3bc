"""What an agent is, and how one is opened by name."""

from importlib import import_module
from random import Random
from typing import Protocol

from ..archive import Node, Tree
from ..evals import Candidate
from ..tasks import Task


class ProposalError(Exception):
    """The agent has nothing to offer this time: no edit applies, or nothing changed."""


class AgentError(Exception):
    """There is no such agent, or it broke the rules of the search."""

    exit_code = 2


class Agent(Protocol):
    """A program that proposes. It sees the tree so far and never runs candidate code.

    Of what ran without isolation it sees nothing. What a node says of itself, such as its log, is
    text of an untrusted program: `sandbox.text.quoted` puts it before a model.
    """

    def propose(self, task: Task, parent: Node, tree: Tree, rng: Random) -> Candidate:
        """Offer a changed program, or raise ProposalError. Equal arguments give equal offers."""
        ...


def open_agent(name: str) -> Agent:
    """Open the agent in the module of that name: `evolver`, or `your.module` with `create()`."""
    try:
        module = import_module(name if "." in name else f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise AgentError(
            f"no agent named {name!r}: use evolver, or a module with create() ({error})"
        ) from error
    if not hasattr(module, "create"):
        raise AgentError(f"{module.__name__} has no create(), so it is not an agent")
    agent: Agent = module.create()
    return agent
