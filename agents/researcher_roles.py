"""The researcher as a team: an architect designs, an engineer builds, a tester compares.

After MetaGPT (Hong et al. 2024): roles hand each other typed documents, not conversations.
"""

from .research.settings import Settings
from .researcher import Researcher


def create() -> Researcher:
    """Open the agent."""
    return Researcher(Settings(variant="roles"))
