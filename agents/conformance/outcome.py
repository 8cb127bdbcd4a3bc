"""An agent's answer to a brief, for checks of agents."""

from random import Random
from typing import NamedTuple

from ...evals import Candidate
from ..base import Agent, Brief, ProposalError


class Outcome(NamedTuple):
    """The answer to one brief: an offer or a refusal, and the state of its generator afterwards."""

    offer: Candidate | None
    said: str
    left: object


def offer(agent: Agent, brief: Brief) -> Outcome:
    """Ask once. Whatever is no ProposalError comes through."""
    try:
        candidate, refusal = agent.propose(brief), ""
    except ProposalError as error:
        candidate, refusal = None, str(error)
    return Outcome(candidate, refusal, brief.rng.getstate())


def asked(agent: Agent, brief: Brief) -> Outcome:
    """Ask once; what it may not raise is an outcome too, which `offers` finds fault with."""
    try:
        return offer(agent, brief)
    except Exception as error:  # a finding of `offers`
        return Outcome(None, named(error), Random(0).getstate())


def named(error: Exception) -> str:
    """The kind of an exception and what it says."""
    return f"{type(error).__name__} ({error})"


def differ(one: Outcome, other: Outcome) -> str:
    """In what two outcomes differ, in few words."""
    if one.offer is None or other.offer is None:
        return f"{one.said or 'an offer'!r} and {other.said or 'an offer'!r}"
    for field in ("files", "idea", "proposer", "notes"):
        if getattr(one.offer, field, None) != getattr(other.offer, field, None):
            return f"its {field} differ"
    return "it draws from brief.rng more or less often"
