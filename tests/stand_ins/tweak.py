"""An agent for tests: it scales the one constant of the bowl."""

import re

from ratchet.agents.base import Brief, ProposalError
from ratchet.evals import Candidate

RATE = re.compile(r"RATE = ([0-9.e-]+)")


def create() -> "Tweak":
    return Tweak()


class Tweak:
    def propose(self, brief: Brief) -> Candidate:
        source = brief.parent.candidate.files["step.py"]
        found = RATE.search(source)
        if found is None:
            raise ProposalError("no RATE")
        rate = float(found[1]) * 2 ** brief.rng.uniform(-1.5, 1.5)
        text = RATE.sub(f"RATE = {rate:.4g}", source)
        return Candidate(files={"step.py": text}, idea=f"RATE {rate:.4g}", proposer="tweak")
