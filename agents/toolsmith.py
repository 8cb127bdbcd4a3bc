"""A language model with tools: it edits, runs and measures in a workspace, and offers the best.

After the agents of MLGym (Nathani et al. 2025). What it measures is on seeds of its own and decides
nothing: what it hands in is audited, judged and archived like any other proposal.
"""

from ..evals import Candidate
from .base import AgentError, Brief, ProposalError
from .research.tool_steps import PLAN, State, Tooling, ToolSettings


def create() -> "Toolsmith":
    """Open the agent."""
    return Toolsmith()


class Toolsmith:
    """One workspace per proposal, checkpointed after every call.

    The agent keeps no state between proposals.
    """

    attempts = 1  # each one costs a dozen requests and its own measurements
    needs_model = True
    requests = 12

    def __init__(self, settings: ToolSettings | None = None) -> None:
        """Work within these bounds."""
        self.settings = settings or ToolSettings()

    def propose(self, brief: Brief) -> Candidate:
        """Offer what was handed in; raises ProposalError where nothing was that is worth it.

        BudgetSpent and ModelError come through as they are, and a later call with the same
        checkpoints goes on from there. Raises AgentError for tasks whose programs ask a model.
        """
        if brief.task.manifest.model:
            raise AgentError(
                f"toolsmith cannot measure programs that ask a language model, as those of "
                f"{brief.task.name!r} do: use --agent researcher"
            )
        if brief.desk.dry:
            raise ProposalError(
                "toolsmith runs what it writes: it cannot work under --approve candidates"
            )
        from .research.graph import offered  # langgraph takes its time to import

        work = Tooling.of(brief, self.settings)
        return offered(PLAN, State, work, work.limit)
