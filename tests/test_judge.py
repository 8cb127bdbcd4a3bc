"""The judge: pure, invariant, and never beyond its error budget. Its rates: test_statistics.py."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import product
from random import Random
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from ratchet.evals import Claim, Evaluation, Rule, Seed, Summary, Trial, Verdict, judge
from ratchet.evals.judge.power import looks_of
from ratchet.evals.rule import BEFORE
from ratchet.tasks import Metric

RULE = Rule()
SCALE = RULE.effect_scale
METRIC = Metric(name="loss", unit="nats", goal="min", worst=9.0, minimum_gain=0.0)
MIRRORED = METRIC.model_copy(update={"goal": "max", "worst": -9.0})
numbers = st.floats(-100, 100).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=2, max_size=40)


def evaluation(scores: Sequence[float | None]) -> Evaluation:
    trials = (
        Trial(
            seed=Seed(train=i, sealed=i),
            status="diverged" if score is None else "ok",
            score=score,
        )
        for i, score in enumerate(scores)
    )
    return Evaluation(stream="test", trials=tuple(trials))


def claim(held: bool, level: float, gated: bool = False, behind: bool = False) -> Claim:
    return Claim(
        says="better",
        versus=0,
        held=held,
        gated=gated,
        level=level,
        log_e=0.0,
        stream="confirm/1",
        pairs=16,
        evidence="",
        behind=behind,
    )


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


def mirrored(values: Sequence[float]) -> list[float]:
    """A sample of the same mean and spread, and of the opposite skewness."""
    mean = math.fsum(values) / len(values)
    return [2 * mean - value for value in values]


def skewed_right(values: list[float]) -> list[float]:
    """The sample or its mirror image, whichever is not skewed to the left."""
    mean = math.fsum(values) / len(values)
    third = math.fsum((value - mean) ** 3 for value in values)
    return values if third >= 0 else mirrored(values)


@pytest.mark.parametrize("mean", [-1.0, 0.0, 0.4, 1.0])
def test_the_e_value_is_the_bayes_factor_it_is_defined_as(mean: float) -> None:
    rng = Random(int(10 * mean))
    values = skewed_right([rng.gauss(mean, 2.0) for _ in range(9)])
    assert judge.log_e_value(values, SCALE) == pytest.approx(bayes_factor(values, SCALE), abs=1e-6)


@given(samples)
def test_skewness_to_the_left_only_ever_makes_the_e_value_more_cautious(
    values: list[float],
) -> None:
    right = skewed_right(values)
    left = mirrored(right)
    assert judge.log_e_value(left, SCALE) <= judge.log_e_value(right, SCALE) + 1e-6


@given(samples)
def test_no_sample_proves_more_than_its_signs_could(values: list[float]) -> None:
    assert judge.log_e_value(values, SCALE) <= len(values) * math.log(2) + 1e-9


@given(samples, st.randoms())
def test_the_verdict_does_not_depend_on_the_order_or_unit_of_the_gains(
    values: list[float], rng: Random
) -> None:
    shuffled = values.copy()
    rng.shuffle(shuffled)
    e, t = judge.log_e_value(values, SCALE), judge.t_statistic(values)
    assert judge.log_e_value(shuffled, SCALE) == pytest.approx(e, rel=1e-6, abs=1e-6)
    assert judge.t_statistic(shuffled) == pytest.approx(t, rel=1e-6, abs=1e-6)
    if max(map(abs, values)) > 1e-3:
        scaled = [4 * value for value in values]
        assert judge.log_e_value(scaled, SCALE) == pytest.approx(e, rel=1e-6, abs=1e-6)
        assert judge.t_statistic(scaled) == pytest.approx(t, rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20), st.randoms())
def test_the_order_of_the_seeds_changes_nothing_but_the_order_of_the_gains(
    pairs: list[tuple[float, float]], rng: Random
) -> None:
    child, parent = (evaluation([pair[side] for pair in pairs]) for side in (0, 1))
    order = list(range(len(pairs)))
    rng.shuffle(order)
    one, other = (
        Evaluation(stream="test", trials=tuple(each.trials[i] for i in order))
        for each in (child, parent)
    )
    found = judge.gains(child, parent, METRIC)
    assert judge.gains(one, other, METRIC) == [found[i] for i in order]


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=20))
def test_gains_do_not_depend_on_the_direction_of_the_metric(
    pairs: list[tuple[float, float]],
) -> None:
    child, parent = ([pair[side] for pair in pairs] for side in (0, 1))
    down = judge.gains(evaluation(child), evaluation(parent), METRIC)
    up = judge.gains(
        evaluation([-value for value in child]), evaluation([-value for value in parent]), MIRRORED
    )
    assert down == up
    swapped = judge.gains(evaluation(parent), evaluation(child), METRIC)
    assert swapped == [-gain for gain in down]
    assert judge.t_statistic(swapped) == pytest.approx(-judge.t_statistic(down))


@given(st.lists(numbers, min_size=4, max_size=30), st.floats(0.01, 5), st.floats(1e-6, 0.2))
def test_a_larger_gain_on_every_seed_never_lowers_the_evidence(
    values: list[float], more: float, level: float
) -> None:
    grown = [value + more for value in values]
    slack = 1e-6 * (1 + abs(judge.log_e_value(values, SCALE)))
    assert judge.log_e_value(grown, SCALE) >= judge.log_e_value(values, SCALE) - slack
    before, after = (judge.confirm(RULE, each, 0.0, level) for each in (values, grown))
    if before.log_e > -math.log(level) + slack:
        assert after.standing == "confirmed"
    if before.standing != "refuted":
        assert after.standing != "refuted"
    assert judge.hopeless(RULE, values, METRIC) or not judge.hopeless(RULE, grown, METRIC)


@given(samples, st.floats(1e-6, 0.5), st.floats(1.0, 10.0))
def test_what_holds_at_a_strict_level_holds_at_any_looser_one(
    values: list[float], level: float, times: float
) -> None:
    looser = min(0.99, level * times)
    if judge.confirm(RULE, values, 0.0, level).standing == "confirmed":
        assert judge.confirm(RULE, values, 0.0, looser).standing == "confirmed"
    wider = judge.confirm(RULE, values, 0.0, looser).standing
    assert wider != "refuted" or judge.confirm(RULE, values, 0.0, level).standing == "refuted"


@given(st.floats(-5, 5), st.floats(0, 5), st.lists(st.floats(-5, 5), max_size=80))
def test_a_better_screen_is_never_less_promising(
    t: float, more: float, history: list[float]
) -> None:
    assert not judge.promising(RULE, t, history) or judge.promising(RULE, t + more, history)
    assert judge.promising(RULE, max(RULE.sure_t, RULE.promote_t), history)
    assert not judge.promising(RULE, RULE.promote_t - 0.01, history)


def test_a_missing_trial_never_wins() -> None:
    assert judge.gains(evaluation([None, 1.0]), evaluation([2.0, 2.0]), METRIC) == [-7.0, 1.0]
    assert judge.gains(evaluation([None]), evaluation([None]), METRIC) == [0.0]
    assert judge.gains(evaluation([None]), evaluation([50.0]), METRIC) == [0.0]


@given(
    st.lists(st.tuples(numbers, st.booleans(), numbers), min_size=2, max_size=30),
    st.sampled_from([METRIC, MIRRORED]),
)
def test_failing_on_more_seeds_never_helps(
    rows: list[tuple[float, bool, float]], metric: Metric
) -> None:
    whole = evaluation([new for new, _, _ in rows])
    broken = evaluation([None if fails else new for new, fails, _ in rows])
    parent = evaluation([old for _, _, old in rows])
    before, after = (judge.gains(each, parent, metric) for each in (whole, broken))
    assert all(b <= a for a, b in zip(before, after, strict=True))


def test_different_seeds_cannot_be_paired() -> None:
    other = Evaluation(stream="x", trials=evaluation([1.0, 2.0]).trials[::-1])
    with pytest.raises(ValueError, match="different seeds"):
        judge.gains(evaluation([1.0, 2.0]), other, METRIC)
    assert judge.gains(evaluation([1.0, 2.0]), other, METRIC, paired=False) == [1.0, -1.0]


def test_identical_scores_are_no_evidence() -> None:
    zeros = [0.0] * 64
    assert judge.hopeless(RULE, zeros, METRIC)
    assert judge.log_e_value(zeros, SCALE) == 0.0
    assert judge.confirm(RULE, zeros, 0.0, 0.05).standing != "confirmed"
    assert judge.confirm(RULE, [0.0] * RULE.most, 0.0, 0.05).standing == "refuted"
    assert not judge.race(RULE, zeros)


def test_scores_that_mostly_tie_and_never_lose_count_by_their_gains() -> None:
    values = ([0.0] * 9 + [1.0]) * 16
    assert judge.confirm(RULE, values, 0.0, 0.05).standing == "confirmed"
    even = ([0.0] * 8 + [1.0, -1.0]) * 16
    assert judge.confirm(RULE, even, 0.0, 0.05).standing != "confirmed"


@pytest.mark.parametrize("count", [16, 64, 256])
def test_the_same_gain_on_every_seed_is_taken_for_no_more_than_its_signs(count: int) -> None:
    assert judge.log_e_value([0.1] * count, SCALE) <= count * math.log(2)
    assert judge.confirm(RULE, [0.1] * count, 0.0, 0.001).standing == "confirmed"
    assert judge.confirm(RULE, [-0.1] * count, 0.0, 0.001).standing == "refuted"


def test_one_outlier_decides_nothing() -> None:
    assert judge.confirm(RULE, [100.0] + [0.0] * 31, 0.0, 0.05).standing != "confirmed"
    rng = Random(3)
    steady = [rng.gauss(1.0, 0.5) for _ in range(63)]
    assert judge.confirm(RULE, [*steady, 40.0], 0.0, 0.01).standing != "refuted"
    assert judge.confirm(RULE, [*steady, 4.0], 0.0, 0.01).standing == "confirmed"


def test_a_steady_gain_below_the_smallest_worth_claiming_is_not_confirmed() -> None:
    metric = METRIC.model_copy(update={"minimum_gain": 0.01})
    margin = RULE.margin(metric, "better")
    rng = Random(0)
    tiny = [0.005 + rng.gauss(0, 1e-4) for _ in range(RULE.most)]
    assert judge.confirm(RULE, tiny, margin, 0.99).standing == "refuted"
    real = [0.05 + rng.gauss(0, 1e-2) for _ in range(16)]
    assert judge.confirm(RULE, real, margin, 0.001).standing == "confirmed"


def test_a_smaller_program_may_lose_as_little_as_counts_for_nothing() -> None:
    metric = METRIC.model_copy(update={"minimum_gain": 0.01})
    rng = Random(0)
    level = [rng.gauss(-0.001, 0.002) for _ in range(32)]
    assert judge.claimed(RULE, judge.summary(level), smaller=True) == "simpler"
    assert judge.claimed(RULE, judge.summary(level), smaller=False) == "better"
    assert judge.hopeless(RULE, level, metric)
    assert not judge.hopeless(RULE, level, metric, smaller=True)
    margin = RULE.margin(metric, "simpler")
    assert judge.confirm(RULE, level, margin, 0.01).standing == "confirmed"
    worse = [value - 0.05 for value in level]
    assert judge.confirm(RULE, worse, margin, 0.01).standing == "refuted"


OLD = RULE.model_copy(update=BEFORE)
Step = tuple[bool, bool, bool, bool]
steps = st.lists(st.tuples(*[st.booleans()] * 4), min_size=1, max_size=200)


@given(steps, st.sampled_from([RULE, OLD]))
def test_before_the_first_false_claim_untrue_claims_spend_no_more_than_alpha(
    plan: list[Step], rule: Rule
) -> None:
    """Whatever holds and is put: a step is whether it is true, holds, is gated, and is behind."""
    earlier: list[Claim] = []
    spent = {False: 0.0, True: 0.0}
    for true, held, gated, behind in plan:
        gate = gated and bool(earlier) and earlier[-1].held
        line = earlier[-1].behind if gate else behind
        level = judge.level(rule, earlier, gated=gate, behind=line)
        spent[line] += 0.0 if true else level
        assert math.fsum(spent.values()) <= rule.alpha * (1 + 1e-9)
        if rule.behind:
            assert spent[True] <= rule.alpha * rule.behind * (1 + 1e-9)
        if held and not true:
            break  # the first false claim: the guarantee is about whether there is one
        earlier.append(claim(held, level, gate, line))


@given(steps, st.sampled_from(["familywise", "fdr"]))
def test_claims_that_are_far_behind_take_nothing_from_the_others(
    plan: list[Step], control: str
) -> None:
    rule = RULE.model_copy(update={"control": control})
    every: list[Claim] = []
    front: list[Claim] = []
    for _, held, _, behind in plan:
        level = judge.level(rule, every, behind=behind)
        every.append(claim(held, level, behind=behind))
        if not behind:
            assert level >= judge.level(rule, front)
            front.append(every[-1])


def test_a_claim_on_the_seeds_of_the_one_before_it_errs_no_more_often_than_its_level() -> None:
    """A child that beats its parent and equals the baseline, which runs the child's seeds."""
    level, searches, false, made = 0.1, 300, 0, 0
    for number in range(searches):
        rng = Random(number)
        child = [rng.gauss(0.0, 1.0) for _ in range(64)]
        over_parent = [score + 0.7 + rng.gauss(0.0, 0.5) for score in child]
        over_baseline = [score + rng.gauss(0.0, 0.5) for score in child]
        rule = RULE.model_copy(update={"most": 64})
        first, second = (
            judge.sequential_test(rule, 0.0, level, lambda count, x=gains: x[:count])  # type: ignore[misc]
            for gains in (over_parent, over_baseline)
        )
        made += first.held
        false += first.held and second.held
    assert made > 0.8 * searches
    # Binomial(300, 0.1) exceeds 44 with probability 0.5 %.
    assert false <= 44


@given(st.lists(st.booleans(), max_size=200))
def test_the_rate_of_false_discoveries_gets_e_lond_s_levels(outcomes: list[bool]) -> None:
    """Shares that sum to at most alpha, times one more than what held (Xu and Ramdas 2023)."""
    rule = RULE.model_copy(update={"control": "fdr"})
    earlier: list[Claim] = []
    spent = 0.0
    for held in outcomes:
        level = judge.level(rule, earlier)
        spent += level / (1 + sum(each.held for each in earlier))
        assert level > 0
        assert spent <= rule.alpha * (1 + 1e-9)
        earlier.append(claim(held, level))


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60),
    st.sampled_from(["familywise", "fdr"]),
)
def test_a_resumed_run_spends_what_is_left_and_no_more(
    outcomes: list[tuple[bool, bool]], control: str
) -> None:
    rule = RULE.model_copy(update={"control": control})
    earlier: list[Claim] = []
    for held, behind in outcomes:
        level = judge.level(rule, earlier, behind=behind)
        earlier.append(claim(held, level, behind=behind))
    stored = [each.model_dump_json() for each in earlier]
    resumed = [Claim.model_validate_json(text) for text in stored]
    for behind in (False, True):
        now, before = (judge.level(rule, claims, behind=behind) for claims in (resumed, earlier))
        assert now == before


def test_the_shares_of_the_error_budget_sum_to_it() -> None:
    shares = 0.0
    for behind in (False, True):
        lost = [claim(False, 0.0, behind=behind)] * 2000
        shares += math.fsum(judge.level(RULE, lost[:k], behind=behind) for k in range(2000))
    assert 0.97 * RULE.alpha < shares < RULE.alpha  # the tail beyond n is about 2/2.61/sqrt(n)


def test_a_gated_claim_lives_on_what_the_one_before_it_left() -> None:
    first = claim(True, judge.level(RULE, []))
    assert judge.level(RULE, [first], gated=True) == first.level
    over = claim(True, first.level, gated=True)
    assert judge.level(RULE, [first, over]) > judge.level(RULE, [first, claim(False, 0.0, True)])
    assert judge.level(RULE, [claim(False, first.level)], gated=True) == 0.0


def look(values: list[float], level: float) -> Literal["confirmed", "refuted", "continue"]:
    return judge.confirm(RULE, values, 0.0, level).standing


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_large_effect_is_confirmed_quickly_and_a_large_harm_given_up(seed: int) -> None:
    rng = Random(seed)
    values = [rng.gauss(2.0, 1.0) for _ in range(4 * RULE.block)]
    fifth = judge.level(RULE, [claim(False, 0.0)] * 4)
    assert look(values, fifth) == "confirmed"
    assert look([-value for value in values], fifth) == "refuted"


def normal(seed: int, effect: float, count: int) -> list[float]:
    rng = Random(seed)
    return [rng.gauss(effect, 1.0) for _ in range(count)]


def first(gains: list[float], count: int) -> list[float]:
    return gains[:count]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1, 1), st.sampled_from([16, 100, 256]))
def test_a_sequential_test_ends_at_the_first_look_that_decides(
    seed: int, effect: float, most: int
) -> None:
    rule, gains, looks = RULE.model_copy(update={"most": most}), normal(seed, effect, most), []

    def look(count: int) -> list[float]:
        looks.append(count)
        return gains[:count]

    tested = judge.sequential_test(rule, 0.0, 0.02, look)
    assert looks == [n for n in looks_of(rule) if n <= tested.pairs]
    ends = [judge.confirm(rule, gains[:count], 0.0, 0.02) for count in looks]
    assert [end.standing for end in ends[:-1]] == ["continue"] * (len(looks) - 1)
    assert (tested.outcome, tested.log_e) == ends[-1]
    assert tested.held == (tested.outcome == "confirmed")
    assert list(tested.gains) == gains[: tested.pairs]


def test_a_sequential_test_is_undecided_where_its_evidence_ends_first() -> None:
    gains = normal(1, 1.0, 24)
    for evidence in (gains[:end] for end in (0, 8, 16, 20, 24)):
        tested = judge.sequential_test(RULE, 0.0, 1e-9, partial(first, evidence))
        assert tested.outcome == "undecided"
        assert list(tested.gains) == evidence
    assert tested.log_e == judge.confirm(RULE, gains, 0.0, 1e-9).log_e


def test_a_sequential_test_that_was_broken_off_ends_as_one_that_was_not() -> None:
    gains = normal(3, 0.5, RULE.most)

    def broken_off(count: int) -> list[float]:
        if count > RULE.block:
            raise TimeoutError
        return gains[:count]

    with pytest.raises(TimeoutError):
        judge.sequential_test(RULE, 0.0, 0.001, broken_off)
    again = judge.sequential_test(RULE, 0.0, 0.001, lambda count: gains[:count])
    assert again.held
    assert again.pairs > RULE.block


bounds = st.floats(0.5, 200)
some = st.lists(numbers, min_size=1, max_size=40)


@given(some, bounds)
def test_the_bounded_e_value_is_what_bets_make_of_a_stake_and_forgives_no_loss(
    values: list[float], bound: float
) -> None:
    rungs = [bound]
    while rungs[-1] < -min(values):
        rungs.append(2 * rungs[-1])

    def stake(bound: float) -> float:
        shares = [max(-1.0, min(1.0, value / bound)) for value in values]
        return sum(
            part * math.prod(1 + bet * share for share in shares)
            for bet, part in ((0.45, 0.3), (0.95, 0.7))
        )

    expected = math.log(min(map(stake, rungs)))
    assert judge.log_e_bounded(values, bound) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(some, bounds, st.integers(0, 39), st.floats(0, 50))
def test_no_better_seed_ever_makes_bounded_evidence_weaker(
    values: list[float], bound: float, place: int, more: float
) -> None:
    better = [v + more * (i == place) for i, v in enumerate(values)]
    before = judge.log_e_bounded(values, bound)
    assert judge.log_e_bounded(better, bound) >= before - 1e-9 * (1 + abs(before))


@given(st.lists(st.floats(-4, 4), min_size=2, max_size=4), bounds)
def test_no_bet_gains_on_average_where_the_bounded_mean_is_nil(
    faces: list[float], bound: float
) -> None:
    """Of every way to draw three gains, whatever their distribution: the mean e-value is one."""
    clipped = [max(-bound, min(bound, face)) for face in faces]
    mean = math.fsum(clipped) / len(clipped)
    nil = [face - mean for face in clipped]
    bound = 2 * bound  # so that nothing is cut once more
    draws = list(product(nil, repeat=3))
    e_values = [math.exp(judge.log_e_bounded(drawn, bound)) for drawn in draws]
    assert math.fsum(e_values) / len(draws) <= 1 + 1e-9


def test_a_gain_at_the_margin_is_not_above_it_by_rounding() -> None:
    metric = METRIC.model_copy(update={"minimum_gain": 0.01})
    for rule in (RULE, RULE.model_copy(update={"bound": 0.03})):
        margin = rule.margin(metric, "better")
        assert judge.confirm(rule, [0.91 - 0.90] * 16, margin, 0.02).standing != "confirmed"
        assert judge.confirm(rule, [0.0101] * 16, margin, 0.02).log_e > 0
        slight = rule.margin(metric, "simpler")
        assert judge.confirm(rule, [0.90 - 0.91] * 16, slight, 0.02).standing != "confirmed"


def test_where_nothing_is_random_a_gain_that_repeats_is_confirmed_by_its_repetition() -> None:
    rule = RULE.model_copy(update={"deterministic": True, "block": 2, "bound": 0.03})
    metric = METRIC.model_copy(update={"minimum_gain": 0.01})
    margin = rule.margin(metric, "better")

    def pairs(*gains: float) -> judge.Tested:
        return judge.sequential_test(rule, margin, 0.02, lambda count: gains[:count])

    once = pairs(*[0.02] * 256)
    assert (once.outcome, once.pairs) == ("confirmed", 2)
    assert (pairs(*[0.01] * 256).outcome, pairs(*[0.005] * 256).outcome) == ("refuted", "refuted")
    noisy = pairs(*[0.02, 0.03] * 128)  # a child that is random after all takes the usual evidence
    assert noisy.held
    assert noisy.pairs > 2
    assert noisy.log_e >= -math.log(0.02)
    assert judge.hopeless(rule, [0.01, 0.01], metric)
    assert not judge.hopeless(rule, [0.02, 0.02], metric)


def test_a_rule_of_an_older_run_keeps_what_it_meant() -> None:
    new = {"look", "bound", "deterministic", "edge"}
    stored = Rule().model_dump(exclude=new)
    old = Rule.model_validate(stored)
    assert (old.look, old.bound, old.deterministic, old.edge) == (16, None, False, 0.0)
    assert Rule.model_validate(Rule().model_dump()) == Rule()
    assert Rule(alpha=0.1).look == 8
    with pytest.raises(ValueError, match="tolerance"):
        Rule(tolerance=1.1)


@given(st.lists(st.tuples(numbers, numbers.map(abs)), max_size=20))
def test_shrinking_keeps_signs_and_never_makes_a_gain_larger(
    steps: list[tuple[float, float]],
) -> None:
    found = [Summary(mean=mean, sd=sd, pairs=1) for mean, sd in steps]
    for step, kept in zip(found, judge.shrunken(found), strict=True):
        assert kept * step.mean >= 0
        assert abs(kept) <= abs(step.mean) * (1 + 1e-9)


def test_a_verdict_says_what_was_found_on_how_many_seeds_and_against_what() -> None:
    rng = Random(1)
    values = [rng.gauss(0.05, 0.01) for _ in range(16)]
    reached = judge.confirm(RULE, values, 0.0, 0.02)
    made = claim(True, 0.02).model_copy(update={"log_e": reached.log_e})
    before = Verdict(standing="promising", reason="")
    verdict = judge.confirmed_or_refuted(RULE, values, METRIC, made, before)
    assert verdict.standing == "confirmed"
    assert verdict.claims == (made,)
    assert "nats over node 0 on 16 fresh seeds" in verdict.reason
    assert "against a threshold of 50" in verdict.reason


GIVEN_UP = {"unproven": 0.02, "refuted": -0.05}


@pytest.mark.parametrize("standing", GIVEN_UP)
def test_a_claim_is_refuted_only_where_its_fresh_seeds_speak_against_it(standing: str) -> None:
    rng = Random(2)
    values = [rng.gauss(GIVEN_UP[standing], 0.05) for _ in range(32)]
    before, lost = Verdict(standing="promising", reason=""), claim(False, 0.02)
    verdict = judge.confirmed_or_refuted(RULE, values, METRIC, lost, before)
    assert verdict.standing == standing
    assert (judge.estimate(values).high < RULE.margin(METRIC, "better")) == (standing == "refuted")
    older = RULE.model_copy(update={"unproven": False})
    verdict = judge.confirmed_or_refuted(older, values, METRIC, lost, before)
    assert verdict.standing == "refuted"
    assert verdict.reason.startswith("not borne out: ")


def test_a_rule_that_an_older_version_stored_calls_every_claim_that_is_given_up_refuted() -> None:
    stored = RULE.model_dump(exclude={"unproven"})
    assert not Rule.model_validate(stored).unproven
    assert Rule.model_validate(RULE.model_dump()).unproven
    assert Rule(alpha=0.01).unproven


@pytest.mark.parametrize("rule", [RULE, RULE.model_copy(update={"unproven": False})])
def test_verdicts_count_failures_unless_an_older_rule_did_not(rule: Rule) -> None:
    values, before = [0.05 + 0.001 * n for n in range(16)], Verdict(standing="promising", reason="")
    held = claim(True, 0.02).model_copy(update={"failed": 0})
    reasons = [
        judge.confirmed_or_refuted(rule, values, METRIC, held, before).reason,
        judge.counted(judge.waiting(rule, values, METRIC), evaluation([1.0] * 16)).reason,
    ]
    assert all(("no seed of 16 failed" in reason) == rule.unproven for reason in reasons)
    lame = judge.counted(judge.waiting(rule, values, METRIC), evaluation([None] + [1.0] * 15))
    assert ("1 of 16 seeds failed" in lame.reason) == rule.unproven
