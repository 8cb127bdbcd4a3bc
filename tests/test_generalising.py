"""Failures and workloads: bounds that cover, names that are rarely wrong, words to match."""

import math
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from ratchet.app.pages import generalising
from ratchet.evals import Estimate, judge
from ratchet.search.studies.report import Report
from ratchet.tasks import Metric

METRIC = Metric(name="loss", unit="nats", goal="min", worst=20.0, minimum_gain=0.002)
DRAWS = 400
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
gains = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.001, 1)), min_size=3, max_size=9).map(
    lambda rows: {str(n): estimate(gain, half) for n, (gain, half) in enumerate(rows)}
)


def estimate(gain: float, half: float, pairs: int = 16) -> Estimate:
    return Estimate(gain=gain, low=gain - half, high=gain + half, pairs=pairs)


def reading(over_parent: Mapping[str, Estimate], here: Estimate) -> Report:
    rivals = {name: here for name in ("parent", "start", "baseline")}
    return Report(
        node="r.4",
        parent="r.2",
        baseline="muon",
        reading=1,
        dev=rivals,
        transfer=rivals,
        workloads={},
        others={"parent": over_parent},
    )


@given(counts)
def test_a_bound_on_failures_holds_what_was_seen_and_gives_each_tail_its_share(
    count: tuple[int, int],
) -> None:
    failed, seeds = count
    low, high = judge.failure_rate(failed, seeds)
    assert 0 <= low <= failed / seeds <= high <= 1
    tail = 0.05 if failed in (0, seeds) else 0.025
    if high < 1:
        assert binom.cdf(failed, seeds, high) == pytest.approx(tail)
    if low > 0:
        assert binom.sf(failed - 1, seeds, low) == pytest.approx(tail)


def test_failures_are_said_in_words_that_give_the_count_and_the_bound() -> None:
    assert judge.failure_words(0, 208) == "no seed of 208 failed: fewer than 1.4 % do (95 %)"
    assert judge.failure_words(3, 208) == "3 of 208 seeds failed: 0.3 to 4.2 % do (95 %)"
    with pytest.raises(ValueError, match="cannot have failed"):
        judge.failure_rate(4, 3)


def sampled(rng: Random, mean: float, between: float, workloads: int) -> dict[str, Estimate]:
    """Gains on workloads whose true ones scatter, each measured with an error of its own."""
    measured = {}
    for number in range(workloads):
        error = rng.choice([0.05, 0.3])
        gain = rng.gauss(mean, between) + rng.gauss(0, error)
        measured[str(number)] = estimate(gain, 2.131 * error)
    return measured


@pytest.mark.parametrize(("between", "workloads"), [(0.0, 4), (0.3, 4), (1.0, 9)])
def test_the_interval_covers_the_mean_of_workloads_that_nobody_measured(
    between: float, workloads: int
) -> None:
    rng, covered = Random(7), 0
    for _ in range(DRAWS):
        mean = judge.across(sampled(rng, 0.5, between, workloads))
        assert mean is not None
        covered += mean.low <= 0.5 <= mean.high
    assert covered / DRAWS > 0.95 - 3 * math.sqrt(0.05 * 0.95 / DRAWS)


def test_what_a_further_workload_gains_lies_in_the_range_that_is_said() -> None:
    rng, inside = Random(8), 0
    for _ in range(DRAWS):
        mean = judge.across(sampled(rng, 0.5, 1.0, 9))
        assert mean is not None
        inside += mean.further_low <= rng.gauss(0.5, 1.0) <= mean.further_high
    assert inside / DRAWS > 0.95 - 3 * math.sqrt(0.05 * 0.95 / DRAWS)


@given(gains, st.floats(0.1, 10))
def test_a_mean_over_workloads_scales_with_the_unit_and_widens_by_further_ones(
    measured: dict[str, Estimate], unit: float
) -> None:
    mean = judge.across(measured)
    scaled = judge.across(
        {name: estimate(unit * g.gain, unit * (g.high - g.low) / 2) for name, g in measured.items()}
    )
    assert mean is not None
    assert scaled is not None
    assert scaled.low == pytest.approx(unit * mean.low, abs=1e-9)
    assert mean.further_low <= mean.low <= mean.gain <= mean.high <= mean.further_high
    without = judge.leave_one_out(measured)
    assert without.keys() == measured.keys()
    average = math.fsum(rest.gain for rest in without.values()) / len(without)
    assert average == pytest.approx(mean.gain, abs=1e-9)


def test_one_workload_is_no_sample() -> None:
    assert judge.across({"only": estimate(1.0, 0.1)}) is None
    assert judge.transfer({"only": estimate(1.0, 0.1)}, 0.0, 0.1) == "unknown"
    assert "no sample" in generalising.like_these({"only": estimate(1.0, 0.1)}, METRIC)


def test_workloads_without_harm_are_rarely_called_clearly_worse() -> None:
    rng, wrong = Random(9), 0
    for _ in range(DRAWS):
        drawn = {str(n): judge.estimate([rng.gauss(0, 1) for _ in range(16)]) for n in range(13)}
        wrong += bool(judge.clearly_worse(drawn))
    assert wrong / DRAWS < 0.05 + 3 * math.sqrt(0.05 * 0.95 / DRAWS)


@given(gains)
def test_a_workload_without_a_loss_is_never_named(measured: dict[str, Estimate]) -> None:
    measured |= {"harmed": estimate(-5.0, 0.1), "same": estimate(0.0, 0.0)}
    worse = judge.clearly_worse(measured)
    assert "harmed" in worse
    assert all(measured[name].gain < 0 for name in worse)


def near(gain: float, half: float = 0.001) -> dict[str, Estimate]:
    """Gains that hardly differ from workload to workload."""
    return {name: estimate(gain * (1 + n / 100), half) for n, name in enumerate("abcd")}


@pytest.mark.parametrize(
    ("measured", "word"),
    [
        (near(0.05), "transfers"),
        (near(-0.05), "does not transfer"),
        (near(0.0, 0.0005), "does not transfer"),
        ({**near(0.05), "a": estimate(-0.3, 0.01)}, "unknown"),
    ],
)
def test_a_node_transfers_where_its_gain_holds_on_workloads_like_the_unseen_ones(
    measured: dict[str, Estimate], word: judge.Transfer
) -> None:
    read = reading(measured, estimate(0.05, 0.01))
    assert read.transfer_to("abcd", METRIC) == word
    said = generalising.verdict(read.node, word)
    assert f"{read.node} transfers is {word}" in said or f"{read.node} {word}: " in said
    assert said.endswith(generalising.MEANS[word])


def test_a_reading_that_recorded_no_workloads_leaves_unknown_whether_a_node_transfers() -> None:
    read = reading({}, estimate(0.05, 0.01))
    assert read.transfer_to("abcd", METRIC) == "unknown"
    assert not any("like these" in line for line in generalising.unseen(read, "abcd", METRIC))


def test_better_here_is_told_from_better_on_workloads_like_these() -> None:
    measured = {**near(0.05), "a": estimate(-0.12, 0.03), "same": estimate(0.0, 0.0)}
    read = reading(measured, estimate(0.02, 0.01))
    here, like, *_ = generalising.unseen(read, (*"abcd", "same"), METRIC)
    assert here.startswith("Better than r.2 (its parent) on these workloads: yes, by 0.0200")
    assert "on workloads like these: not shown" in like
    assert "identical on same, 1 of the 5 in this mean" in like


def test_an_answer_that_rests_on_one_workload_says_so() -> None:
    like = generalising.like_these({**near(0.05), "a": estimate(-0.3, 0.01)}, METRIC)
    assert "this rests on single workloads: without a yes" in like
    assert like.count("without") == 1
    assert "the same without any one of them" in generalising.like_these(near(0.05), METRIC)


def test_harm_on_a_workload_is_named_and_an_untouched_one_is_identical() -> None:
    measured = {**near(0.05), "a": estimate(-0.12, 0.03), "same": estimate(0.0, 0.0)}
    listed, harm = generalising.by_workload(reading(measured, estimate(0.02, 0.01)))
    assert "same identical" in listed
    assert harm == "clearly worse than r.2 (its parent) on a (-0.1200 ± 0.0300)"
    (_, harm) = generalising.by_workload(reading(near(0.05), estimate(0.02, 0.01)))
    assert harm == "clearly worse than r.2 (its parent) on none"
