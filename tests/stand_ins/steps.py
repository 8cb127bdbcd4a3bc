"""An agent for tests that offers a fixed list of programs, each from the best node so far."""

from collections.abc import Sequence

from ratchet.agents.base import Brief, ProposalError
from ratchet.evals import Candidate

HEAD = "RATE = {rate}\n\n\ndef step(x, grad, progress):\n"
PLAIN = HEAD + "    return -RATE * grad\n"
WORDY = HEAD + "    pull = grad * 1.0\n    rest = pull - pull\n    return -RATE * (grad + rest)\n"


class Steps:
    """Offers each source once, whatever the parent."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = sources

    def propose(self, brief: Brief) -> Candidate:
        known = {node.candidate.files["step.py"] for node in brief.tree}
        for source in self.sources:
            if source not in known:
                return Candidate(files={"step.py": source}, idea="next in line", proposer="steps")
        raise ProposalError("the list is at its end")
