"""Independent proposals from what is planted: what the evolver would find if it built on nothing.

As an agent of its own it can be compared with others under the name that the control has.
"""

from dataclasses import replace

from ..archive import Tree
from ..evals import Candidate
from .base import Brief
from .evolver import Evolver


def create() -> "BestOfN":
    """Open the agent."""
    return BestOfN()


class BestOfN:
    """Proposes as the evolver does, from the start and the baselines alone."""

    select = "planted"

    def propose(self, brief: Brief) -> Candidate:
        """Offer a change that owes nothing to earlier proposals; raises ProposalError."""
        planted = replace(brief, tree=Tree(brief.tree.planted()))
        return Evolver().propose(planted).model_copy(update={"proposer": "best_of_n"})
