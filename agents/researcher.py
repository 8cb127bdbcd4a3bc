"""The proposer with language models: it recalls, diagnoses, proposes, reviews, writes and tries."""

from ..evals import Candidate
from .base import Brief, ProposalError
from .research.settings import Settings
from .research.work import Work


def create() -> "Researcher":
    """Open the agent."""
    return Researcher()


class Researcher:
    """One graph a proposal, checkpointed after every step; remembers nothing itself.

    What earlier proposals taught it reads from the tree of its brief.
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
        from .research.graph import finish  # langgraph takes its time to import

        state = finish(Work.of(brief, self.settings))
        if "done" not in state:
            raise ProposalError(state["dropped"])
        return Candidate.model_validate_json(state["done"])
