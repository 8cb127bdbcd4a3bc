"""The choice of a model: follows its formula, starves nobody, and changes nothing."""

import math
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.agents.bandit import DECAY, Arm, chances, choose, scores

rewards = st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30)
some_rewards = st.lists(st.floats(-1, 1e3), min_size=1, max_size=30)


@st.composite
def ensembles(draw: st.DrawFn, rewards: st.SearchStrategy[list[float]] = rewards) -> list[Arm]:
    count = draw(st.integers(1, 6))
    return [Arm(f"model-{n}", tuple(draw(rewards)), draw(st.floats(0, 1e6))) for n in range(count)]


@given(ensembles())
def test_every_arm_keeps_a_chance(arms: list[Arm]) -> None:
    found = chances(arms)
    assert math.fsum(found) == pytest.approx(1.0)
    assert min(found) >= 0.2 / len(arms) - 1e-12


@given(ensembles(), st.integers())
def test_choosing_twice_gives_the_same_and_changes_nothing(arms: list[Arm], seed: int) -> None:
    before = repr(arms)
    assert choose(arms, Random(seed)) == choose(arms, Random(seed))
    assert repr(arms) == before


@given(ensembles())
def test_models_that_were_never_asked_come_first(arms: list[Arm]) -> None:
    fresh = [not arm.rewards for arm in arms]
    if any(fresh):
        expected = [0.2 / len(arms) + 0.8 * each / sum(fresh) for each in fresh]
        assert chances(arms) == pytest.approx(expected)


@given(ensembles(some_rewards))
def test_scores_follow_the_formula(arms: list[Arm]) -> None:
    """Written out anew, without decay by powers: an old reward loses a twentieth at each step."""
    clipped = [[max(0.0, reward) for reward in arm.rewards] for arm in arms]
    low = min(reward for each in clipped for reward in each)
    high = max(reward for each in clipped for reward in each)
    sums, counts = [], []
    for each in clipped:
        total = count = 0.0
        for reward in each:
            scaled = (reward - low) / (high - low) if high > low else 0.0
            total, count = 0.95 * total + scaled, 0.95 * count + 1
        sums.append(total)
        counts.append(count)
    dearest = max(arm.price for arm in arms)
    expected = [
        0.8 * total / count
        + 0.2 * (1 - arm.price / dearest if dearest else 1.0)
        + 0.7 * math.sqrt(2 * math.log(sum(counts)) / count)
        for arm, total, count in zip(arms, sums, counts, strict=True)
    ]
    found = scores(arms, exploration=0.7, thrift=0.2)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    best = max(range(len(arms)), key=lambda n: found[n])
    assert chances(arms, exploration=0.7, thrift=0.2)[best] == max(chances(arms, 0.7, 0.2))


def test_frequencies_are_the_chances() -> None:
    arms = [Arm("a", (0.0, 0.1)), Arm("b", (0.3, 0.2)), Arm("c", (0.0,) * 9, 1.0)]
    rng, draws = Random(1), 20_000
    drawn = Counter(choose(arms, rng) for _ in range(draws))
    expected = [draws * each for each in chances(arms)]
    distance = sum((drawn[a.name] - e) ** 2 / e for a, e in zip(arms, expected, strict=True))
    assert distance < 13.8  # chi-squared with 2 degrees of freedom, once in a thousand


@given(ensembles(some_rewards), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_units_of_gain_and_money_do_not_matter(arms: list[Arm], gain: float, money: float) -> None:
    scaled = [
        Arm(arm.name, tuple(gain * reward for reward in arm.rewards), money * arm.price)
        for arm in arms
        if not 0 < arm.price < 1e-300
    ]
    if len(scaled) == len(arms):
        assert scores(scaled) == pytest.approx(scores(arms), rel=1e-6, abs=1e-6)


@given(ensembles(some_rewards))
def test_a_loss_or_failure_counts_as_no_gain(arms: list[Arm]) -> None:
    for bad in (-5.0, -math.inf, math.nan):
        failed = [arm._replace(rewards=(*arm.rewards, bad)) for arm in arms]
        nothing = [arm._replace(rewards=(*arm.rewards, 0.0)) for arm in arms]
        assert scores(failed) == scores(nothing)


def test_old_gains_fade() -> None:
    early, late = (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)
    old, new = scores([Arm("early", early), Arm("late", late)])
    weights = [DECAY**age for age in range(4)]
    assert new - old == pytest.approx(0.8 * (1 - DECAY**3) / sum(weights))


def test_of_two_that_gain_alike_the_cheaper_is_preferred() -> None:
    cheap, dear = chances([Arm("cheap", (0.1, 0.2), 1.0), Arm("dear", (0.1, 0.2), 10.0)])
    assert cheap == pytest.approx(0.9)
    assert dear == pytest.approx(0.1)


def test_the_better_model_comes_to_be_asked_more_and_a_change_is_noticed() -> None:
    rng, gained = Random(0), {"good": list[float](), "poor": list[float]()}
    chance = {"good": 0.6, "poor": 0.1}
    first = _played(rng, gained, chance, 300)
    second = _played(rng, gained, {"good": 0.1, "poor": 0.6}, 300)
    assert first["good"] > 1.5 * first["poor"]
    assert second["poor"] > 1.5 * second["good"]


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [Arm("a"), Arm("a")],
        [Arm("a", (), -1.0)],
        [Arm("a", (), math.nan)],
        [Arm("a", (), math.inf)],
    ],
)
def test_what_is_no_ensemble_is_refused(arms: list[Arm]) -> None:
    with pytest.raises(ValueError, match=r"ensemble needs|price has to be"):
        choose(arms, Random(0))


def _played(
    rng: Random, gained: dict[str, list[float]], chance: dict[str, float], turns: int
) -> Counter[str]:
    """Ask so many times a model that is chosen so, and that gains something by chance."""
    asked: Counter[str] = Counter()
    for _ in range(turns):
        name = choose([Arm(each, tuple(gained[each])) for each in gained], rng)
        gained[name].append(rng.random() * (rng.random() < chance[name]))
        asked[name] += 1
    return asked
