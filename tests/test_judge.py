"""The judge: pure, invariant, and with the error rate it claims."""

import math
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from ratchet.evals import Evaluation, Seed, Trial, judge
from ratchet.tasks import Metric

RULE = judge.Rule()
METRIC = Metric(name="loss", unit="nats", goal="min", worst=9.0, minimum_gain=0.0)
numbers = st.floats(-100, 100).map(lambda value: round(value, 6))


def evaluation(scores: list[float | None]) -> Evaluation:
    trials = (
        Trial(
            seed=Seed(train=i, sealed=i),
            status="diverged" if score is None else "ok",
            score=score,
        )
        for i, score in enumerate(scores)
    )
    return Evaluation(stream="test", trials=tuple(trials))


def bayes_factor(values: list[float], scale: float) -> float:
    """Log of the t e-value by two-dimensional quadrature, from its definition."""
    n, total, squares = len(values), sum(values), sum(v * v for v in values)
    peak = 0.5 * math.log(n / squares)

    def marginal(effect: float) -> float:
        def density(u: float) -> float:
            s = math.exp(u)
            power = n * (u - peak) - (squares * s * s - n) / 2
            return math.exp(power + effect * total * s - n * effect**2 / 2)

        return float(integrate.quad(density, peak - 8, peak + 4, limit=200)[0])

    prior = stats.norm(0, scale)
    mixed, _ = integrate.quad(lambda d: marginal(d) * 2 * prior.pdf(d), 0, 8 * scale, limit=100)
    return math.log(mixed / marginal(0.0))


@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.4, 1.0])
def test_the_e_value_is_the_bayes_factor_it_is_defined_as(mean: float) -> None:
    rng = Random(int(10 * mean))
    values = [rng.gauss(mean, 2.0) for _ in range(9)]
    assert judge.log_e_value(values, 0.5) == pytest.approx(bayes_factor(values, 0.5), abs=1e-6)


@given(st.lists(numbers, min_size=2, max_size=40), st.randoms())
def test_the_verdict_does_not_depend_on_the_order_or_unit_of_the_gains(
    values: list[float], rng: Random
) -> None:
    shuffled = values.copy()
    rng.shuffle(shuffled)
    e = judge.log_e_value(values, 0.5)
    assert judge.log_e_value(shuffled, 0.5) == pytest.approx(e, rel=1e-9, abs=1e-9)
    if max(map(abs, values)) > 1e-3:
        scaled = [4 * value for value in values]
        assert judge.log_e_value(scaled, 0.5) == pytest.approx(e, rel=1e-9, abs=1e-9)
        assert judge.t_statistic(scaled) == pytest.approx(judge.t_statistic(values))


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20))
def test_gains_do_not_depend_on_the_direction_of_the_metric(
    pairs: list[tuple[float, float]],
) -> None:
    up = METRIC.model_copy(update={"goal": "max", "worst": -9.0})
    child, parent = ([pair[side] for pair in pairs] for side in (0, 1))
    down = judge.gains(evaluation(list(child)), evaluation(list(parent)), METRIC)
    mirrored = judge.gains(
        evaluation([-value for value in child]), evaluation([-value for value in parent]), up
    )
    assert down == mirrored


@given(st.lists(numbers, min_size=4, max_size=30), st.floats(0.01, 5))
def test_a_larger_gain_on_every_seed_is_never_less_convincing_about_the_sign(
    values: list[float], more: float
) -> None:
    if judge.log_e_value(values, 0.5) >= math.log(20):
        mean = sum(values) / len(values)
        assert mean > 0
        grown = [value + more for value in values]
        assert judge.log_e_value(grown, 0.5) > 0


def test_a_missing_trial_never_wins() -> None:
    assert judge.gains(evaluation([None, 1.0]), evaluation([2.0, 2.0]), METRIC) == [-7.0, 1.0]


def test_different_seeds_cannot_be_paired() -> None:
    other = Evaluation(stream="x", trials=evaluation([1.0, 2.0]).trials[::-1])
    with pytest.raises(ValueError, match="different seeds"):
        judge.gains(evaluation([1.0, 2.0]), other, METRIC)


def test_identical_scores_are_no_evidence() -> None:
    zeros = [0.0] * 64
    assert judge.hopeless(RULE, zeros)
    assert judge.log_e_value(zeros, 0.5) == 0.0
    assert judge.decide(RULE, zeros, METRIC, math.log(20))[0] == "continue"
    assert judge.decide(RULE, [0.0] * RULE.most, METRIC, math.log(20))[0] == "refuted"


def test_a_steady_gain_below_the_smallest_worth_claiming_is_not_confirmed() -> None:
    metric = METRIC.model_copy(update={"minimum_gain": 0.01})
    rng = Random(0)
    tiny = [0.005 + rng.gauss(0, 1e-4) for _ in range(RULE.most)]
    assert judge.decide(RULE, tiny, metric, 0.0)[0] == "refuted"
    real = [0.05 + rng.gauss(0, 1e-2) for _ in range(16)]
    assert judge.decide(RULE, real, metric, math.log(1000))[0] == "confirmed"


@given(st.integers(1, 10_000), st.integers(0, 50))
def test_thresholds_spend_no_more_than_alpha(confirmation: int, promoted: int) -> None:
    spent = math.exp(-judge.log_threshold(RULE, confirmation, promoted)) / (promoted + 1)
    assert 0 < spent < RULE.alpha
    assert judge.log_threshold(RULE, confirmation + 1, promoted) > judge.log_threshold(
        RULE, confirmation, promoted
    )


def test_the_shares_of_the_error_budget_sum_to_it() -> None:
    shares = sum(math.exp(-judge.log_threshold(RULE, k, 0)) for k in range(1, 200_000))
    assert shares == pytest.approx(RULE.alpha, rel=2e-3)


def noise(kind: str, rng: Random) -> float:
    """One paired difference without effect, of unit spread or so."""
    if kind == "heavy":
        return rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 1 / 1.5))
    return rng.gauss(0, 1)


def null_search(kind: str, proposals: int, rng: Random) -> int:
    """A search over proposals without effect: how many does the whole rule confirm?"""
    history: list[float] = []
    tried = promoted = 0
    for _ in range(proposals):
        values = [noise(kind, rng) for _ in range(RULE.first_look)]
        if not judge.hopeless(RULE, values):
            values += [noise(kind, rng) for _ in range(RULE.screen - RULE.first_look)]
        t = judge.t_statistic(values)
        if len(values) == RULE.screen and judge.promising(RULE, t, history):
            tried += 1
            threshold = judge.log_threshold(RULE, tried, promoted)
            fresh: list[float] = []
            end: Literal["confirmed", "refuted", "continue"] = "continue"
            while end == "continue":
                fresh += [noise(kind, rng) for _ in range(RULE.block)]
                end, _ = judge.decide(RULE, fresh, METRIC, threshold)
            promoted += end == "confirmed"
        history.append(t)
    return promoted


@pytest.mark.parametrize("kind", ["normal", "heavy"])
def test_searches_without_effects_confirm_nothing_at_the_promised_rate(kind: str) -> None:
    rng = Random(11)
    false = sum(null_search(kind, 100, rng) > 0 for _ in range(100))
    # Binomial(100, 0.05) exceeds 11 with probability 0.4 %.
    assert false <= 11


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_large_effect_is_confirmed_quickly(seed: int) -> None:
    rng = Random(seed)
    values = [rng.gauss(2.0, 1.0) for _ in range(2 * RULE.block)]
    assert judge.decide(RULE, values, METRIC, judge.log_threshold(RULE, 5, 2))[0] == "confirmed"


def test_the_estimate_covers_the_truth_as_often_as_it_says() -> None:
    rng = Random(5)
    inside = 0
    for _ in range(400):
        found = judge.estimate([rng.gauss(0.3, 1.0) for _ in range(32)])
        inside += found.low <= 0.3 <= found.high
    assert 0.92 <= inside / 400 <= 0.98
