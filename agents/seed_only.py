"""Control: changes nothing but a comment, so that whatever a search keeps of it is luck."""

import re

from ..evals import Candidate
from .base import Brief

COMMENT = re.compile(r"\n# seed \d+\n\Z")


def create() -> "SeedOnly":
    """Open the agent."""
    return SeedOnly()


class SeedOnly:
    """Offers the parent under another name."""

    def propose(self, brief: Brief) -> Candidate:
        """Change the comment at the end of the first editable file."""
        files = dict(brief.parent.candidate.files)
        name, number = min(files), brief.rng.randrange(10**12)
        files[name] = COMMENT.sub("", files[name]) + f"\n# seed {number}\n"
        return Candidate(files=files, idea=f"seed {number}", proposer="seed_only")
