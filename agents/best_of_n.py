"""Control: proposes as the evolver does, from the start and the baselines alone.

It is an agent of its own, so that `ratchet bench` can compare it with others.
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
