"""An agent for tests that fails at every turn, as one with a bug does."""

from ratchet.agents.base import Brief
from ratchet.evals import Candidate


def create() -> "Failing":
    return Failing()


class Failing:
    def propose(self, brief: Brief) -> Candidate:
        raise ValueError("boom")
