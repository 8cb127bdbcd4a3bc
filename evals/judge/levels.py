"""The error budget of a run: how much of it each claim may spend."""

from collections.abc import Sequence

from ..records import Claim
from ..rule import Rule

ZETA_3_2 = 2.6123753486854883  # makes k ** -1.5 sum to one; above the LORD sequence for k < 100


def level(rule: Rule, earlier: Sequence[Claim], gated: bool = False, behind: bool = False) -> float:
    """The chance of error that the next claim may spend: it holds if its e-value reaches 1/level.

    `earlier` are the run's claims so far, in the order in which they were tested. A `gated` claim
    is only made because the claim just before it held, as those over the best baselines are. One
    that is `behind` has no hope of reaching the best planted program.

    Family-wise (online fallback, Tian and Ramdas 2021): claims that are behind share `rule.behind`
    of the run's alpha, and the others the rest. In either line the k-th claim that is not gated
    gets its part times k^-1.5 / zeta, and what a claim that held did not spend passes to the next
    of its line. A gated claim lives on what was passed alone.

    Before the first false claim the levels of all untrue claims of a line sum to at most its part,
    and those of both to at most alpha. For each share enters once and is then in one place: with
    a claim that did not hold, and so is spent; or, as a claim that held was a true one, with the
    next. Which line a claim is in, and whether it is made, may depend on everything but its seeds.
    A gated claim may be tested on the seeds of the claim before it. If that one is untrue and
    holds, it is the false claim, and nothing after it counts. If it is true, the gated claim has
    its whole level to spend, which was fixed before the seeds were drawn.

    False discovery rate (e-LOND, Xu and Ramdas 2023): the part of alpha of the claim's line, times
    k^-1.5 / zeta for its k-th claim, times one more than the claims of the run that held.
    """
    line = [claim for claim in earlier if rule.behind is None or claim.behind == behind]
    alpha = rule.own_alpha * _part(rule, behind)
    if rule.control == "fdr":
        confirmed = sum(claim.held for claim in earlier)
        return alpha * _share(len(line) + 1) * (confirmed + 1)
    passed = line[-1].level if line and line[-1].held else 0.0
    if gated:
        return passed
    return alpha * _share(sum(not claim.gated for claim in line) + 1) + passed


def _part(rule: Rule, behind: bool) -> float:
    """What part of alpha the claims of a line share."""
    if rule.behind is None:
        return 1.0
    return rule.behind if behind else 1 - rule.behind


def _share(k: int) -> float:
    return float(k**-1.5 / ZETA_3_2)
