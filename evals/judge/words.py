"""Verdicts, with their reasons in words that need no statistics to be read."""

import math
from collections.abc import Sequence
from typing import Literal

from ...tasks import Metric
from ..records import Claim, Estimate, Evaluation, Standing, Verdict
from ..rule import Rule
from .decide import settled
from .estimate import estimate, summary
from .evidence import digest
from .failures import failure_words
from .pooled import upper_bound


def regime_words(rule: Rule) -> str:
    """The name of the rule's regime, and what it means for a claim."""
    takes = f"a claim takes {rule.block} to {rule.most} pairs of seeds"
    means = {
        "usual": takes,
        "deterministic": "every score repeats to the last bit, so that one repetition confirms a "
        "gain",
        "dear": f"trials are few, so {takes} and can only show a large gain. It takes gains to be "
        "about normal, and their spread from all comparisons that were made before it",
    }[rule.regime]
    return f"{rule.regime}: {means}"


def glanced_out(
    rule: Rule, values: Sequence[float], metric: Metric, workloads: Sequence[str]
) -> Verdict:
    """The verdict on a child that a glance showed to be ruined."""
    mean = math.fsum(values) / len(values)
    reason = f"{mean:+.4f} {metric.unit} on {len(values)} seeds of {', '.join(workloads)} alone"
    return Verdict(standing="no gain", reason=reason, rule=rule, evidence=digest(values))


def screened_out(rule: Rule, values: Sequence[float], metric: Metric) -> Verdict:
    """The verdict on a child whose screen did not earn a confirmation."""
    screen = summary(values)
    if not any(values):
        reason = f"identical scores to the parent on {len(values)} seeds"
    else:
        reason = f"{_screen(screen.mean, values, metric, screen.t)}: too little to confirm"
    return Verdict(
        standing="no gain", reason=reason, screen=screen, rule=rule, evidence=digest(values)
    )


def waiting(rule: Rule, values: Sequence[float], metric: Metric) -> Verdict:
    """The verdict on a child that may be better, and waits for seeds that would tell."""
    screen = summary(values)
    reason = f"{_screen(screen.mean, values, metric, screen.t)}: more seeds are needed to tell"
    return Verdict(
        standing="promising", reason=reason, screen=screen, rule=rule, evidence=digest(values)
    )


def raced(rule: Rule, values: Sequence[float], metric: Metric) -> Verdict:
    """The verdict on the winner of a race, which is built on and not confirmed."""
    screen = summary(values)
    gain = _screen(screen.mean, values, metric, screen.t)
    reason = f"{gain}: built on, not confirmed, since `explore` controls no error rate"
    return Verdict(
        standing="promising", reason=reason, screen=screen, rule=rule, evidence=digest(values)
    )


def counted(verdict: Verdict, child: Evaluation) -> Verdict:
    """The verdict with how many of the child's seeds failed, where its rule counts them."""
    if verdict.rule is None or not verdict.rule.unproven:
        return verdict
    words = failure_words(child.failures, len(child.trials))
    return verdict.model_copy(update={"reason": f"{verdict.reason}; {words}"})


def confirmed_or_refuted(
    rule: Rule, values: Sequence[float], metric: Metric, claim: Claim, before: Verdict
) -> Verdict:
    """The verdict at the end of a confirmation, before the gain is estimated on other seeds."""
    measured, margin = estimate(values), rule.margin(metric, claim.says)
    gain = f"{measured} {metric.unit} over node {claim.versus} on {claim.pairs} fresh seeds"
    if claim.says == "simpler":
        gain += f" with less code, where a loss under {-margin:g} counts as none"
    proof = (
        f"e-value {e_words(claim.log_e)} against a threshold of {e_words(-math.log(claim.level))}"
    )
    standing: Standing = "confirmed" if claim.held else given_up(rule, measured, margin)
    finding = {
        "confirmed": gain,
        "unproven": f"not shown: {gain}",
        "refuted": f"not borne out: {gain}",
    }[standing]
    if settled(rule, values):
        proof = "the same on every seed to the last bit, as every score of this task repeats"
    elif rule.bound is not None:
        proof += f" for the mean of gains that count as at most {rule.bound:.2g} from the margin"
    elif rule.pooled is not None:
        most = upper_bound(rule.pooled, claim.level)
        proof += f", if gains are about normal (earlier ones vary by at most {most:.2g})"
    noise = f"a gain varies by {summary(values).sd:.2g} from seed to seed" + (
        "" if claim.says == "simpler" else f", smallest gain worth claiming {metric.minimum_gain:g}"
    )
    if rule.unproven and claim.failed is not None:
        noise += f"; {failure_words(claim.failed, claim.pairs)}"
    return before.model_copy(
        update={
            "standing": standing,
            "reason": f"{finding}; {proof}; {noise}",
            "claims": (*before.claims, claim),
            "evidence": claim.evidence,
            "rule": rule,
        }
    )


def repeated(verdict: Verdict) -> Verdict:
    """The verdict on a program that states its own score: what held was repeated, not confirmed."""
    if verdict.standing != "confirmed":
        return verdict
    reason = f"by the program's own word, which nobody checks: {verdict.reason}"
    return verdict.model_copy(update={"standing": "repeated", "reason": reason})


def given_up(rule: Rule, gain: Estimate, margin: float) -> Literal["unproven", "refuted"]:
    """What a claim of more than `margin` is that was given up after this gain on its fresh seeds.

    They speak against it where their 95 % interval lies below the margin. Else it is open.
    """
    return "unproven" if rule.unproven and gain.high >= margin else "refuted"


def _screen(mean: float, values: Sequence[float], metric: Metric, t: float) -> str:
    return f"{mean:+.4f} {metric.unit} over the parent on {len(values)} search seeds (t = {t:.1f})"


def e_words(log_value: float) -> str:
    """An e-value as people read it, from its natural logarithm."""
    if log_value > math.log(1e6):
        return f"10^{log_value / math.log(10):.0f}"
    value = math.exp(log_value)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
