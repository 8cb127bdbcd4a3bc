"""The error budget of a run: how much of it each claim may spend."""

from collections.abc import Sequence

from ..records import Claim
from ..rule import Rule

ZETA_3_2 = 2.6123753486854883  # makes k ** -1.5 sum to one; above the LORD sequence for k < 100


def level(rule: Rule, earlier: Sequence[Claim], gated: bool = False) -> float:
    """The chance of error that the next claim may spend: it holds if its e-value reaches 1/level.

    `earlier` are the run's claims so far, in the order in which they were tested. A `gated` claim
    is only made because the claim just before it held, as the one over the best baseline is.

    Family-wise (online fallback, Tian and Ramdas 2021): the k-th claim gets alpha * k^-1.5 / zeta,
    and what a claim that held did not spend passes to the next. So before the first false claim the
    levels of all untrue claims sum to at most alpha. A gated claim lives on what was passed alone.

    False discovery rate (e-LOND, Xu and Ramdas 2023): alpha * k^-1.5 / zeta times one more than the
    claims that held.
    """
    if rule.control == "fdr":
        confirmed = sum(claim.held for claim in earlier)
        return rule.own_alpha * _share(len(earlier) + 1) * (confirmed + 1)
    passed = earlier[-1].level if earlier and earlier[-1].held else 0.0
    if gated:
        return passed
    return rule.own_alpha * _share(sum(not claim.gated for claim in earlier) + 1) + passed


def _share(k: int) -> float:
    return float(k**-1.5 / ZETA_3_2)
