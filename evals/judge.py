"""Decide what evidence means. Pure: records in, record out.

The rule: a screen on a few paired seeds decides only what deserves confirmation. A confirmation
pairs child and parent on fresh seeds and stops when a t e-value (Perez-Ortiz et al. 2022, after
Lai 1976) passes a threshold that spends one error budget over the whole run by e-LOND (Xu and
Ramdas 2023). e-values may be looked at after every block without inflating the error (Ville 1939).
"""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..tasks import Frozen, Metric
from .records import Estimate, Evaluation, Verdict

ZETA_3_2 = 2.6123753486854883  # makes k ** -1.5 sum to one; above the LORD sequence for k < 100
RECENT, FEWEST = 64, 8  # screens that a new one is compared with


class Rule(Frozen):
    """How much evidence each stage takes, in seeds, and how sure it has to be.

    A candidate is ruined if a glance at one workload shows a t below `ruin_t` and a loss of more
    than `ruin` times the metric's `minimum_gain`.
    """

    alpha: float = Field(default=0.05, gt=0, lt=1)
    glance: int = Field(default=4, ge=2)
    ruin_t: float = -4.0
    ruin: float = Field(default=20.0, ge=0)
    first_look: int = Field(default=8, ge=2)
    screen: int = Field(default=24, ge=2)
    drop_t: float = -0.5
    promote_t: float = 1.0
    sure_t: float = 4.0
    block: int = Field(default=16, ge=2)
    most: int = Field(default=128, ge=2)
    futile_after: int = Field(default=32, ge=2)
    futile_e: float = Field(default=1.0, gt=0)
    effect_scale: float = Field(default=0.5, gt=0)
    estimate: int = Field(default=32, ge=2)


def gains(
    child: Evaluation, parent: Evaluation, metric: Metric, workload: str | None = None
) -> list[float]:
    """How much better the child is than the parent on each seed both ran, positive is better.

    A seed that failed counts as the metric's worst value, so a missing trial never wins. With
    `workload`, on that one alone; else on the mean over them.
    Raises ValueError if the two did not run the same seeds.
    """
    if [t.seed for t in child.trials] != [t.seed for t in parent.trials]:
        raise ValueError("child and parent ran different seeds")
    worst = metric.worst
    pairs = zip(child.values(worst, workload), parent.values(worst, workload), strict=True)
    return [metric.gain(new, old) for new, old in pairs]


def t_statistic(values: Sequence[float]) -> float:
    """Student's t of the mean against zero, capped to +-99 where there is no spread."""
    n, mean = len(values), math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    if variance <= (1e-12 * abs(mean)) ** 2:
        return math.copysign(99.0, mean) if mean else 0.0
    return max(-99.0, min(99.0, mean / math.sqrt(variance / n)))


def ruined(rule: Rule, values: Sequence[float], metric: Metric) -> bool:
    """Whether a glance shows harm so large and steady that the other workloads need not be run."""
    mean = math.fsum(values) / len(values)
    return mean < -rule.ruin * metric.minimum_gain and t_statistic(values) < rule.ruin_t


def hopeless(rule: Rule, values: Sequence[float]) -> bool:
    """Whether the first look already tells the child from an improvement."""
    return t_statistic(values) < rule.drop_t or not any(values)


def promising(rule: Rule, t: float, history: Sequence[float]) -> bool:
    """Whether a screen is good enough, and good among recent screens (ASHA, Li et al. 2020).

    However good the others are, `sure_t` always earns a confirmation.
    """
    recent = sorted(history[-RECENT:])
    quartile = recent[(3 * len(recent)) // 4] if len(recent) >= FEWEST else rule.promote_t
    return t >= max(rule.promote_t, min(quartile, rule.sure_t))


def log_e_value(values: Sequence[float], scale: float) -> float:
    """Natural log of the one-sided t e-value for mean > 0 after n values.

    Half-normal prior of width `scale` on the standardised effect, right-Haar prior on its spread.
    """
    from scipy.special import log_ndtr, stdtr  # a second of import that --help need not pay

    n = len(values)
    total, squares = math.fsum(values), math.fsum(v * v for v in values)
    if squares == 0.0:
        return 0.0
    a = min(total * total / squares / (n + scale**-2), 1 - 1e-12)
    t = math.copysign(math.sqrt(n * a / (1 - a)), total)
    cdf = float(stdtr(n, t))
    log_cdf = math.log(cdf) if cdf > 0 else float(log_ndtr(t))
    return math.log(2) - 0.5 * math.log1p(n * scale**2) - 0.5 * n * math.log1p(-a) + log_cdf


def log_threshold(rule: Rule, confirmation: int, promoted: int) -> float:
    """Natural log of the e-value that the run's `confirmation`-th (from 1) has to reach."""
    share = confirmation**-1.5 / ZETA_3_2
    return -math.log(rule.alpha * share * (promoted + 1))


def decide(
    rule: Rule, values: Sequence[float], metric: Metric, threshold: float
) -> tuple[Literal["confirmed", "refuted", "continue"], float]:
    """Look at the confirmation so far: its end or `continue`, and the log e-value reached."""
    log_e = log_e_value([v - metric.minimum_gain for v in values], rule.effect_scale)
    if log_e >= threshold:
        return "confirmed", log_e
    futile = len(values) >= rule.futile_after and log_e < math.log(rule.futile_e)
    return ("refuted" if futile or len(values) >= rule.most else "continue"), log_e


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % t interval of paired gains. Fair only for seeds that selected nothing."""
    from scipy.special import stdtrit

    n, mean = len(values), math.fsum(values) / len(values)
    variance = math.fsum((v - mean) ** 2 for v in values) / (n - 1)
    half = float(stdtrit(n - 1, 0.975)) * math.sqrt(variance / n)
    return Estimate(gain=mean, low=mean - half, high=mean + half, pairs=n)


def glanced_out(values: Sequence[float], metric: Metric, workloads: Sequence[str]) -> Verdict:
    """The verdict on a child that a glance showed to be ruined."""
    mean = math.fsum(values) / len(values)
    reason = f"{mean:+.4f} {metric.unit} on {len(values)} seeds of {', '.join(workloads)} alone"
    return Verdict(standing="no gain", reason=reason)


def screened_out(values: Sequence[float], metric: Metric) -> Verdict:
    """The verdict on a child whose screen did not earn a confirmation."""
    t = t_statistic(values)
    if not any(values):
        reason = f"identical scores to the parent on {len(values)} seeds"
    else:
        mean = math.fsum(values) / len(values)
        reason = (
            f"{mean:+.4f} {metric.unit} over the parent on {len(values)} search seeds "
            f"(t = {t:.1f}): not enough to spend fresh seeds on"
        )
    return Verdict(standing="no gain", reason=reason, screen_t=t)


def confirmed_or_refuted(
    standing: Literal["confirmed", "refuted"],
    values: Sequence[float],
    metric: Metric,
    screen_t: float,
    log_e: float,
    threshold: float,
) -> Verdict:
    """The verdict at the end of a confirmation, before the gain is estimated on other seeds."""
    mean = math.fsum(values) / len(values)
    reached = f"e-value {_e(log_e)} against a threshold of {_e(threshold)}"
    reason = (
        f"{mean:+.4f} {metric.unit} over the parent on {len(values)} fresh seeds; {reached}"
        if standing == "confirmed"
        else f"not borne out by {len(values)} fresh seeds: {mean:+.4f} {metric.unit}; {reached}"
    )
    return Verdict(
        standing=standing,
        reason=reason,
        screen_t=screen_t,
        log_e=log_e,
        threshold=threshold,
        pairs=len(values),
    )


def _e(log_value: float) -> str:
    return f"{math.exp(log_value):.3g}" if log_value < 100 else f"10^{log_value / math.log(10):.0f}"
