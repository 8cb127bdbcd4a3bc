"""An agent for tests: it offers every kind of broken candidate of the bowl, one after another."""

from ratchet.agents.base import Brief
from ratchet.evals import Candidate

HEAD = "def step(x, grad, progress):\n"
BROKEN = {
    "syntax": "def step(x, grad, progress:\n",
    "raises": HEAD + "    raise ValueError('no idea')\n",
    "hangs": HEAD + "    while True:\n        pass\n",
    "hangs when it matters": HEAD + "    while x != 1.0 and progress > 0.5:\n        pass\n",
    "allocates": HEAD + "    return len([x] * 10 ** 9)\n",
    "not a number": HEAD + "    return float('nan')\n",
    "wrong shape": HEAD + "    return [grad, grad]\n",
    "no step": "RATE = 0.1\n",
    "imports": "import os\n\n\n" + HEAD + "    return -0.02 * grad\n",
}


def create() -> "Rogue":
    return Rogue()


class Rogue:
    """Candidates that fail, in the order of BROKEN."""

    def propose(self, brief: Brief) -> Candidate:
        name = brief.rng.choice(sorted(BROKEN))
        return Candidate(files={"step.py": BROKEN[name]}, idea=name, proposer="rogue")
