"""The evolver, and a language model that explains and recombines what the evolver finds.

Most proposals are the evolver's and cost no request. Of the rest, a model brings together what the
evolver found since it was last asked, or has an idea of its own where nothing was found.
"""

import math
from random import Random
from typing import Literal

from ..archive import Tree
from ..evals import Candidate
from ..sandbox.text import line
from .base import Brief, ProposalError
from .evolver import evolve, guide
from .research.recombine import found, recombined, seen
from .research.settings import Settings
from .researcher import Researcher

SHARE = 0.75  # share of proposals that the evolver makes

Mode = Literal["evolve", "recombine", "idea"]


def create() -> "Hybrid":
    """Open the agent."""
    return Hybrid()


class Hybrid:
    """Decides at each proposal, from the tree. The agent keeps no state between proposals."""

    attempts = 4
    needs_model = True
    requests = 2  # of five or six in one proposal of four

    def __init__(self, settings: Settings | None = None) -> None:
        """Ask a model by these settings."""
        self.settings = settings or Settings()

    def propose(self, brief: Brief) -> Candidate:
        """Offer a changed program; raises ProposalError where even the evolver has none.

        What a model has to offer and cannot be used gives way to the evolver, which the note
        `fallback` tells. BudgetSpent and ModelError come through.
        """
        mode = chosen(brief.tree, brief.rng)
        if mode == "evolve":
            return evolved(brief)
        try:
            if mode == "recombine":
                return recombined(brief, self.settings)
            return noted(Researcher(self.settings).propose(brief), mode=mode)
        except ProposalError as error:
            return noted(evolved(brief), fallback=f"{mode}: {line(str(error), 600)}")


def chosen(tree: Tree, rng: Random) -> Mode:
    """Draw who makes this proposal. Only `rng` changes."""
    if rng.random() < SHARE:
        return "evolve"
    fresh = {node.number for node in found(tree)} - seen(tree)
    return "recombine" if fresh else "idea"


def evolved(brief: Brief) -> Candidate:
    """The evolver's proposal from the parent."""
    others, rng = donors(brief), brief.rng
    candidate = evolve(brief.task, brief.parent.candidate, others, rng, guide(brief))
    return noted(candidate, mode="evolve")


def donors(brief: Brief) -> list[Candidate]:
    """Programs to take parts from, those that a model wrote so often that half the draws are."""
    others = [n for n in brief.tree.eligible() if n.number != brief.parent.number]
    written = [n for n in others if n.candidate.notes.get("model")]
    rest = [n for n in others if n not in written]
    times = max(1, math.ceil(len(rest) / len(written))) if written else 0
    return [node.candidate for node in (*rest, *(written * times))]


def noted(candidate: Candidate, **notes: str) -> Candidate:
    """The candidate under this agent's name, with more notes."""
    return candidate.model_copy(
        update={"proposer": "hybrid", "notes": {**candidate.notes, **notes}}
    )
