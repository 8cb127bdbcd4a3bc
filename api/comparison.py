"""The judge on plain numbers: scores of a child and of its rival, seed by seed."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .evals import Rule
from .evals import judge as statistics
from .evals.records import GREATEST


@dataclass(frozen=True)
class Judgement:
    """What two samples of scores say. All but counts and `e_value` are in the unit of the scores.

    `gain` is the mean gain, positive where the child is better, with its 95 % interval `low` to
    `high` from Student's t on `pairs` pairs. `e_value` is the evidence that the true mean gain
    exceeds `margin`, infinite where a float cannot hold it; `log_e` is its natural logarithm.
    `better` says whether it reached `1 / alpha`.
    """

    better: bool
    gain: float
    low: float
    high: float
    pairs: int
    e_value: float
    log_e: float
    margin: float
    alpha: float

    def __str__(self) -> str:
        """One sentence."""
        claim = "better" if not self.margin else f"better by more than {self.margin:g}"
        return (
            f"{claim if self.better else f'not shown to be {claim}'}: gain {self.gain:+.4g}, 95 % "
            f"interval {self.low:+.4g} to {self.high:+.4g} on {self.pairs} pairs; e-value "
            f"{statistics.e_words(self.log_e)} against a threshold of {1 / self.alpha:.4g}"
        )


def judge(
    child: Iterable[float],
    parent: Iterable[float],
    *,
    goal: Literal["max", "min"] = "max",
    margin: float = 0.0,
    alpha: float = 0.05,
) -> Judgement:
    """Ask whether `child` is better than `parent` by more than `margin`, from their scores.

    Both hold one finite score a seed, in the same order of seeds, at least two: any iterable of n
    numbers, an array of shape (n,) included. Where the two did not share seeds, their order must
    not depend on the scores. `goal` says whether larger or smaller scores are better; `margin` is
    in the unit of the scores.

    If the true mean gain is at most `margin`, the chance that `better` ever comes out is at most
    `alpha`, also if you look after every new seed and stop as soon as it does: evidence is a t
    e-value (Perez-Ortiz et al. 2022, after Lai 1976), which holds at any time (Ville 1939). It is
    exact for normal gains and cautious for symmetric ones; gains skewed to the left are drawn down
    by Hall's transformation (Hall 1992). `alpha` is for this one claim: to make k claims, share it
    out among them. The interval is fair only for a sample whose size was fixed beforehand.

    Raises ValueError for samples of different lengths, of fewer than two scores, or with one that
    is not finite or beyond 1e100; and for another `goal`, such a `margin`, or an `alpha` that does
    not lie between 0 and 1.
    """
    if goal not in ("max", "min"):
        raise ValueError(f"goal is {goal!r}: say 'max' or 'min'")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: give a chance of error between 0 and 1, such as 0.05")
    if not abs(margin) <= GREATEST:
        raise ValueError(f"margin is {margin}: give a finite number in the unit of the scores")
    gains = _gains(_scores("child", child), _scores("parent", parent), goal)
    rule, estimate = Rule(), statistics.estimate(gains)
    log_e = statistics.log_e_value([gain - margin for gain in gains], rule.effect_scale)
    return Judgement(
        better=log_e >= -math.log(alpha),
        gain=estimate.gain,
        low=estimate.low,
        high=estimate.high,
        pairs=len(gains),
        e_value=math.exp(log_e) if log_e < 700 else math.inf,
        log_e=log_e,
        margin=margin,
        alpha=alpha,
    )


def _scores(name: str, sample: Iterable[float]) -> list[float]:
    scores = [float(score) for score in sample]
    if len(scores) < 2:
        raise ValueError(f"{name} has {len(scores)} scores: give at least 2, one a seed")
    if not all(abs(score) <= GREATEST for score in scores):
        raise ValueError(
            f"{name} has a score that is no number up to {GREATEST:g}: give the worst score instead"
        )
    return scores


def _gains(child: list[float], parent: list[float], goal: Literal["max", "min"]) -> list[float]:
    if len(child) != len(parent):
        raise ValueError(
            f"child has {len(child)} scores and parent {len(parent)}: give one of each for a seed"
        )
    sign = 1 if goal == "max" else -1
    return [sign * (new - old) for new, old in zip(child, parent, strict=True)]
