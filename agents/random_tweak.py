"""Control: scales one number at a time, which is what tuning the constants alone would find."""

import libcst as cst

from ..evals import Candidate
from .base import Brief, ProposalError
from .evolve.constants import perturb_constant
from .evolve.reader import read


def create() -> "RandomTweak":
    """Open the agent."""
    return RandomTweak()


class RandomTweak:
    """Changes one numeric constant of one file at a time."""

    def propose(self, brief: Brief) -> Candidate:
        """Offer the parent with another number; raises ProposalError where it has none."""
        task, parent, rng = brief.task, brief.parent, brief.rng
        name = rng.choice(sorted(parent.candidate.files))
        try:
            program = read(parent.candidate.files[name], task.motifs)
        except cst.ParserSyntaxError as error:
            raise ProposalError(f"{name} of the parent is not Python") from error
        edited = perturb_constant(program, rng)
        if edited is None:
            raise ProposalError(f"{name} of the parent holds no number")
        files = {**parent.candidate.files, name: edited.module.code}
        return Candidate(files=files, idea=edited.idea, proposer="random_tweak")
