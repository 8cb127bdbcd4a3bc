"""Models of noise, and the whole rule over one candidate after another, with true gains known.

Scores are in units of the noise of one seed and larger is better. A model draws the scores of child
and parent on the same seeds, of equal mean. Nothing of the rule is repeated here: what happens to a
candidate is asked of `ratchet.evals.judge`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ratchet.evals import Claim, Rule, judge
from ratchet.evals.judge.power import BOUND
from ratchet.tasks import Metric

RHO = 0.88  # what paired seeds correlate on the tasks that were measured
METRIC = Metric(name="score", unit="sd", goal="max", worst=-1000.0, minimum_gain=0.0)
FAILED = -20.0  # what a failed seed counts as in the model of failures
Array = np.ndarray[Any, np.dtype[np.float64]]
Pairs = tuple[Array, Array]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Pairs]


def correlated(rho: float) -> Draw:
    """Normal scores that share their seed's luck."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Pairs:
        seed, one, two = (rng.standard_normal(shape) for _ in range(3))
        a, b = math.sqrt(rho), math.sqrt(1 - rho)
        return a * seed + b * one, a * seed + b * two

    return draw


def alike(one: Callable[[np.random.Generator, tuple[int, ...]], Array]) -> Draw:
    """Child and parent independent and equal in distribution."""
    return lambda rng, shape: (one(rng, shape), one(rng, shape))


def heavy(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Student's t with 3 degrees of freedom, of unit spread."""
    return rng.standard_t(3, shape) / math.sqrt(3)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Now and then far worse: one minus an exponential value, of unit spread."""
    return 1 - rng.standard_exponential(shape)


def lognormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Worse by a log-normal value whose logarithm has a spread of a half; of unit spread."""
    mean, spread = math.exp(0.125), math.sqrt((math.exp(0.25) - 1) * math.exp(0.25))
    return (mean - np.exp(0.5 * rng.standard_normal(shape))) / spread


def against_steady(one: Callable[[np.random.Generator, tuple[int, ...]], Array]) -> Draw:
    """A skewed child and a parent with hardly any noise, so that the difference is skewed."""
    return lambda rng, shape: (one(rng, shape), 0.2 * rng.standard_normal(shape))


def failing(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Normal, and 2 % of the seeds fail."""
    return np.where(rng.random(shape) < 0.02, FAILED, rng.standard_normal(shape))


MODELS: Mapping[str, Draw] = {
    "normal": correlated(0.0),
    "heavy tails (t3)": alike(heavy),
    "skewed, both alike": alike(skewed),
    "skewed difference (exp)": against_steady(skewed),
    "skewed difference (lognormal)": against_steady(lognormal),
    "correlated seeds (.88)": correlated(RHO),
    "child's sd 3x parent's": lambda rng, shape: (
        3 * rng.standard_normal(shape),
        rng.standard_normal(shape),
    ),
    "2 % failures": alike(failing),
}


def gains(draw: Draw, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """What the judge sees of a child that is exactly as good as its parent."""
    child, parent = draw(rng, shape)
    return child - parent


def suited(rule: Rule, rho: float) -> Rule:
    """The rule with the bound that a calibration sets where paired scores correlate so."""
    return rule.model_copy(update={"bound": BOUND * math.sqrt(2 * (1 - rho))})


def claim(test: judge.Tested, level: float) -> Claim:
    """Record a test for the error budget."""
    return Claim(
        says="better",
        versus=0,
        held=test.held,
        level=level,
        log_e=test.log_e,
        stream="simulated",
        pairs=test.pairs,
        evidence="",
        gain=judge.summary(test.gains),
    )


def screened(rule: Rule, values: Sequence[float]) -> tuple[int, float]:
    """Seeds that a screen takes, and Student's t if it went to its end, else minus infinity."""
    if judge.hopeless(rule, values[: rule.first_look], METRIC):
        return rule.first_look, -math.inf
    if judge.hopeless(rule, values[: rule.screen], METRIC):
        return rule.screen, -math.inf
    return rule.screen, judge.t_statistic(values[: rule.screen])


def tested(rule: Rule, fresh: Sequence[float], level: float) -> judge.Tested:
    """Test the claim of any gain at all on fresh gains, as a confirmation would."""
    return judge.sequential_test(rule, 0.0, level, lambda count: fresh[:count])


@dataclass
class Book:
    """The claims of a simulated run under one rule."""

    rule: Rule
    claims: list[Claim] = field(default_factory=list)
    pairs: int = 0

    def test(self, fresh: Sequence[float], level: float | None = None) -> bool:
        """Put one more claim to fresh gains, at its share of the error budget or at `level`."""
        share = judge.level(self.rule, self.claims) if level is None else level
        test = tested(self.rule, fresh, share)
        self.claims.append(claim(test, share))
        self.pairs += test.pairs
        return test.held
