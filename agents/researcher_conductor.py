"""The researcher as a conductor, which asks experts who see the problem with fresh eyes.

After meta-prompting (Suzgun and Kalai 2024).
"""

from .research.settings import Settings
from .researcher import Researcher


def create() -> Researcher:
    """Open the agent."""
    return Researcher(Settings(variant="conductor"))
