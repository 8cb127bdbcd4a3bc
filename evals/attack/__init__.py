"""Programs that cheat: what they do to a naive evaluator, and that they do nothing here."""

from .exploits import Exploit, corpus, select
from .here import COMPANY, DEPENDS, AttackOutcome, Target, planted
from .naively import watch
from .sight import EFFECTS, Sight

__all__ = [
    "COMPANY",
    "DEPENDS",
    "EFFECTS",
    "AttackOutcome",
    "Exploit",
    "Sight",
    "Target",
    "corpus",
    "planted",
    "select",
    "watch",
]
