"""How a researcher works, in one record."""

from typing import Literal

from pydantic import Field

from ...tasks import Frozen


class Settings(Frozen):
    """The variant of the graph and its bounds.

    `revisions`: how often a review may send an idea back. `rounds`: patches the writer may give
    until one applies. `repairs`: patches after a try-out that failed. A notebook is written anew
    once `distil_every` more nodes are settled, by about one in `abreast` of the proposals that are
    made side by side from nearly the same tree. `briefing_tokens` bounds what is recalled, at three
    characters a token.
    """

    variant: Literal["solo", "roles", "conductor"] = "solo"
    revisions: int = Field(default=1, ge=0)
    rounds: int = Field(default=3, ge=1)
    repairs: int = Field(default=3, ge=0)
    experts: int = Field(default=3, ge=1)
    distil_every: int = Field(default=8, ge=1)
    abreast: int = Field(default=4, ge=1)
    briefing_tokens: int = Field(default=12_000, ge=500)

    @property
    def author(self) -> str:
        """The role that has the ideas."""
        return {"solo": "propose", "roles": "architect", "conductor": "conductor"}[self.variant]

    @property
    def agent(self) -> str:
        """The name of the agent that works so."""
        return "researcher" if self.variant == "solo" else f"researcher_{self.variant}"
