"""A language model that recalls, diagnoses, proposes, reviews, writes and tries."""

from ..evals import Candidate
from .base import Brief
from .research.settings import Settings
from .research.variants import LIMIT, plan
from .research.work import State, Work


def create() -> "Researcher":
    """Open the agent."""
    return Researcher()


class Researcher:
    """One graph per proposal, checkpointed after every step.

    The agent keeps no state between proposals: the lessons of earlier ones are notes in the tree.
    """

    attempts = 2
    needs_model = True

    def __init__(self, settings: Settings | None = None) -> None:
        """Work by these settings."""
        self.settings = settings or Settings()

    def propose(self, brief: Brief) -> Candidate:
        """Offer a program that passed review and try-out; raises ProposalError where none did.

        BudgetSpent and ModelError come through as they are, and a later call with the same
        checkpoints goes on from there.
        """
        from .research.graph import offered  # langgraph takes its time to import

        work = Work.of(brief, self.settings)
        return offered(plan(self.settings.variant), State, work, LIMIT)
