"""An agent for tests: it scales the constant RATE, as the bowl has one."""

import re

from ratchet.agents.base import Brief, ProposalError
from ratchet.evals import Candidate

RATE = re.compile(r"RATE = ([0-9.e-]+)")


def create() -> "Tweak":
    return Tweak()


class Tweak:
    def propose(self, brief: Brief) -> Candidate:
        ((name, source),) = brief.parent.candidate.files.items()
        found = RATE.search(source)
        if found is None:
            raise ProposalError("no RATE")
        rate = float(found[1]) * 2 ** brief.rng.uniform(-1.5, 1.5)
        text = RATE.sub(f"RATE = {rate:.4g}", source)
        return Candidate(files={name: text}, idea=f"RATE {rate:.4g}", proposer="tweak")
