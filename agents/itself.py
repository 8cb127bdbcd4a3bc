"""Agents that improve themselves: each node of a tree of agents proposes its own successor.

After the Darwin Goedel Machine (Zhang et al. 2025): what is searched and what searches are one. Its
ablations are other flags: a fixed proposer is `--agent evolver`, no open-ended archive is
`--select latest`.
"""

from ..evals import Candidate
from .archived import Archived, guest_program
from .base import AgentError, Brief


def create() -> "Itself":
    """Open the agent."""
    return Itself()


class Itself:
    """Has the parent, which is an agent, propose its own successor; it runs in the sandbox."""

    attempts = 4

    def propose(self, brief: Brief) -> Candidate:
        """Offer the parent's own successor; raises AgentError if the parent is no agent."""
        task, parent = brief.task, brief.parent
        if task.manifest.candidate != "agent":
            raise AgentError(
                f"the candidates of {task.name!r} are no agents, so none can change itself: "
                "search research_agent, or use another --agent"
            )
        name = f"itself, as node {parent.number}"
        return Archived(parent.candidate.files, guest_program(task), name).propose(brief)
