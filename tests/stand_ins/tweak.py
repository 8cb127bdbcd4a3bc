"""An agent for tests: it scales the one constant of the bowl."""

import re
from random import Random

from ratchet.agents.base import ProposalError
from ratchet.archive import Node, Tree
from ratchet.evals import Candidate
from ratchet.tasks import Task

RATE = re.compile(r"RATE = ([0-9.e-]+)")


def create() -> "Tweak":
    return Tweak()


class Tweak:
    def propose(self, task: Task, parent: Node, tree: Tree, rng: Random) -> Candidate:
        source = parent.candidate.files["step.py"]
        found = RATE.search(source)
        if found is None:
            raise ProposalError("no RATE")
        rate = float(found[1]) * 2 ** rng.uniform(-1.5, 1.5)
        text = RATE.sub(f"RATE = {rate:.4g}", source)
        return Candidate(files={"step.py": text}, idea=f"RATE {rate:.4g}", proposer="tweak")
