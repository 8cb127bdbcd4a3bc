"""An agent for tests that has nothing to offer: the parent again."""

from ratchet.agents.base import Brief
from ratchet.evals import Candidate


def create() -> "Idle":
    return Idle()


class Idle:
    attempts = 1

    def propose(self, brief: Brief) -> Candidate:
        return brief.parent.candidate
