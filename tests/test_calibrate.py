"""Calibration: what it measures, what follows from it for a search, and what power it foretells."""

import json
import re
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from conftest import BOWL, UNISOLATED, Ratchet
from hypothesis import given, settings
from hypothesis import strategies as st
from promise import promise
from rich.console import Console

from ratchet.app.cli.calibrate import calibration_view, record
from ratchet.archive import Archive
from ratchet.evals import Calibration, Keys, Rule, judge
from ratchet.evals.calibration import GraderNoise
from ratchet.evals.checks import Crippled, Glances, SameAgainstSame
from ratchet.evals.judge.power import (
    SCREENS,
    ends,
    futile_t,
    lost,
    pairs_needed,
    power,
    race_power,
)
from ratchet.evals.judge.reach import detectable, shown
from ratchet.evals.records import Summary
from ratchet.evals.rule import PooledSpread
from ratchet.sandbox import Sandbox
from ratchet.search.forecast import Instrument, foresee
from ratchet.search.lab import Lab
from ratchet.search.plan import BudgetError, Plan, Standards, rounded_up
from ratchet.search.studies.calibrate import calibrate
from ratchet.search.studies.copies import nudges, renamed
from ratchet.search.studies.known import calibrated, stored
from ratchet.search.studies.redrawn import grader_noise
from ratchet.tasks import Task, load, names

RULE, KEYS = Rule(), Keys("steer", "sealed")
LEVEL = judge.level(RULE, [])
FEW = Rule(most=8, block=3, look=1, pooled=PooledSpread(sd=0.1, freedom=14))
METRIC = load(BOWL).metric


def calibration(**changes: Any) -> Calibration:
    """A sound one, with a paired spread of 0.1 and an evaluation of one second."""
    known: dict[str, Any] = {
        "task": "t",
        "environment": "e",
        "reference": "r",
        "seeds": 32,
        "noise": 0.3,
        "workloads": {"easy": 0.3},
        "paired": 0.1,
        "unpaired": 0.4,
        "correlation": 0.9,
        "cpu_seconds": 0.5,
        "seconds": 1.0,
        "same": SameAgainstSame(identical=True, splits=100, false=0, level=0.02),
        "crippled": Crippled(gain=-1.0, error=0.01, held=True, pairs=16),
        "glance": Glances(chances=10, wrong=0),
    }
    return Calibration(**{**known, **changes})


def instrument(found: Calibration, **standards: Any) -> Instrument:
    return Instrument(found, Standards(**standards).rule(found, METRIC), METRIC)


def times_aside(found: Calibration) -> dict[str, Any]:
    return found.model_dump(exclude={"cpu_seconds", "seconds", "environment"})


# What is measured


def test_the_bowl_is_calibrated_and_every_check_passes(
    tmp_path: Path, isolated_sandbox: Sandbox
) -> None:
    lab = Lab(load(BOWL), isolated_sandbox, Archive(tmp_path / "a.db", create=True))
    found = calibrate(lab, RULE, KEYS)
    assert found.passed
    assert found.same.identical
    assert found.crippled is not None
    assert found.crippled.gain < -1
    assert found.copies == 3
    assert found.correlation > 0.9
    assert found.design == "paired"
    assert 0 < found.paired < found.noise < found.unpaired
    assert found.distant is not None
    assert found.distant > found.paired, "a baseline is farther away than a copy"
    assert (found.failed, found.glance) == (0.0, Glances(chances=1, wrong=0))
    assert set(found.workloads) == {"easy", "hard"}
    assert found.cpu_seconds > 0
    assert found.seconds > 0
    assert found.screens is not None
    assert 0 < found.screens.first_look < found.screens.screen < 0.5


NOISY = b"""
    for row in scores.values():
        for i, sealed in enumerate(asked["sealed"]):
            row[i] += SPREAD * random.Random(f"{sealed} {row[i]}").gauss(0, 1)
    return json"""


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_graders_part_of_the_noise_is_measured_on_two_sealed_draws(
    tmp_path: Path, process_sandbox: Sandbox, share: float
) -> None:
    task = load(BOWL)
    grader = task.files["grader.py"].replace(b"\n    return json", NOISY)
    grader += f"\nimport random\nSPREAD = {share}\n".encode()
    lab = Lab(
        Task({**task.files, "grader.py": grader}),
        process_sandbox,
        Archive(tmp_path / "a.db", create=True),
    )
    noise = calibrate(lab, RULE, KEYS).grader
    assert noise is not None
    assert noise.low <= noise.share <= noise.high
    assert noise.share == pytest.approx(share, abs=0.3)
    assert (noise.programs, noise.seeds) == (3, 16)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1), st.integers(0, 99))
def test_the_graders_share_is_found_whatever_the_scale(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lasting, passing = rng.standard_normal((64, 1)), rng.standard_normal((64, 2))
    gains = (1 - share) ** 0.5 * lasting + share**0.5 * passing
    small, large = grader_noise([gains.tolist()]), grader_noise([(9 * gains).tolist()])
    assert small is not None
    assert large is not None
    assert small.share == pytest.approx(large.share)
    assert small.share == pytest.approx(share, abs=0.45)
    assert small.low <= small.share <= small.high


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "not measured"),
        ({"grader": GraderNoise(share=0, low=0, high=0, programs=3, seeds=16)}, "no noise"),
        ({"grader": GraderNoise(share=0.1, low=0, high=0.2, programs=3, seeds=16)}, "10 % of"),
        ({"grader": GraderNoise(share=0.3, low=0.1, high=0.5, programs=3, seeds=16)}, "on more"),
        ({"usual": METRIC.worst - 1}, "as much as 10 spreads"),
        ({"usual": METRIC.worst - 1, "distant": 0.2}, "as much as 5 spreads"),
        ({"usual": METRIC.worst - 3}, "nearer to what a bad run scores"),
    ],
)
def test_what_makes_claims_dear_is_said_with_the_mend(changes: dict[str, Any], words: str) -> None:
    assert words in drawn(calibration(**changes))


def test_equal_keys_give_an_equal_calibration_and_other_keys_another(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    one, other, third = (
        calibrate(
            Lab(load(BOWL), process_sandbox, Archive(tmp_path / f"{i}.db", create=True)),
            RULE,
            keys,
            workers=workers,
        )
        for i, (keys, workers) in enumerate(((KEYS, 2), (KEYS, 1), (Keys("a", "b"), 2)))
    )
    assert times_aside(one) == times_aside(other)
    assert one.noise != third.noise


def test_a_calibration_is_made_once_and_again_when_asked_or_when_the_start_changed(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    task, archive = load(BOWL), Archive(tmp_path / "a.db", create=True)
    lab = Lab(task, process_sandbox, archive)
    assert stored(lab, archive) is None
    found = calibrated(lab, archive, RULE, KEYS, seeds=16)
    done = lab.trials
    assert calibrated(lab, archive, RULE, Keys("a", "b"), seeds=16) == found
    assert lab.trials == done
    again = calibrated(lab, archive, RULE, Keys("a", "b"), seeds=16, again=True)
    assert again != found
    assert stored(lab, archive) == again
    start = task.files["start/step.py"].replace(b"0.02", b"0.021")
    edited = Lab(Task({**task.files, "start/step.py": start}), process_sandbox, archive)
    assert edited.task.digest == task.digest
    assert stored(edited, archive) is None


@pytest.mark.parametrize("name", [BOWL, *names()])
def test_copies_differ_in_one_number_and_the_renamed_one_in_none(name: str) -> None:
    task = load(name)
    found = [candidate.files for _, candidate in zip(range(24), nudges(task), strict=False)]
    assert found == [c.files for _, c in zip(range(24), nudges(task), strict=False)]
    assert len(found) >= 4
    number = re.compile(r"[0-9.]+(?:e-?\d+)?")
    for files in found:
        assert files != task.start
        for file, text in files.items():
            assert number.sub("#", text) == number.sub("#", task.start[file])
    assert all(
        text.startswith(task.start[file]) and text != task.start[file]
        for file, text in renamed(task.start).items()
    )


@pytest.mark.parametrize("name", [BOWL, *names()])
def test_a_crippled_program_is_no_part_of_the_digest_and_a_task_may_lack_it(name: str) -> None:
    task = load(name)
    assert task.crippled is not None
    assert set(task.crippled) == set(task.manifest.editable)
    assert task.crippled != task.start
    rest = Task({k: v for k, v in task.files.items() if not k.startswith("crippled/")})
    assert rest.crippled is None
    assert rest.digest == task.digest


def test_a_task_without_a_crippled_program_is_calibrated_and_says_so(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    files = {k: v for k, v in load(BOWL).files.items() if not k.startswith("crippled/")}
    lab = Lab(Task(files), process_sandbox, Archive(tmp_path / "a.db", create=True))
    found = calibrate(lab, RULE, KEYS, seeds=16)
    assert found.crippled is None
    assert found.passed
    assert "not checked" in drawn(found)


def test_scores_that_cannot_be_repeated_and_a_crippled_copy_of_the_start_fail_the_checks(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    task = load(BOWL)
    grader = task.files["grader.py"].replace(
        b"return min(20.0,", b"return __import__('random').random() + min(20.0,"
    )
    start = {"crippled/step.py": task.files["start/step.py"]}
    broken = Task({**task.files, **start, "grader.py": grader})
    lab = Lab(broken, process_sandbox, Archive(tmp_path / "a.db", create=True))
    found = calibrate(lab, RULE, KEYS, seeds=16)
    assert not found.passed
    assert not found.same.identical
    assert found.crippled is not None
    assert not found.crippled.held
    text = drawn(found)
    assert text.count("!!") == 2
    assert "cannot be repeated" in text
    assert "the judge misses a difference" in text


# What follows from it


def drawn(found: Calibration, minutes: float = 5.0) -> str:
    console = Console(width=200, highlight=False)
    with console.capture() as capture:
        facts = record("bowl", instrument(found), Plan(minutes, 2, 2))
        console.print(calibration_view(json.loads(json.dumps(facts))))
    return capture.get()


@pytest.mark.parametrize(("rho", "design"), [(0.8, "paired"), (-0.5, "unpaired")])
def test_the_design_is_the_less_noisy_one(rho: float, design: str) -> None:
    found = calibration(
        paired=(2 - 2 * rho) ** 0.5, unpaired=2**0.5, correlation=rho, workloads={"easy": 1.0}
    )
    assert found.design == design
    assert Standards().rule(found, METRIC).design == design
    assert found.spread == min(found.paired, found.unpaired)
    assert ("different seeds are used" in drawn(found)) == (design == "unpaired")


@pytest.mark.parametrize(
    ("chances", "wrong", "glance"), [(4, 4, 4), (10, 1, 4), (10, 2, 0), (0, 0, 4)]
)
def test_a_glance_that_kills_the_better_is_not_used(chances: int, wrong: int, glance: int) -> None:
    found = calibration(glance=Glances(chances=chances, wrong=wrong))
    assert Standards().rule(found, METRIC).glance == glance


def test_a_gain_is_bounded_by_the_widest_spread_or_by_what_is_worth_claiming() -> None:
    smallest = METRIC.minimum_gain
    near = Standards().rule(calibration(), METRIC)
    assert near.bound == pytest.approx(3 * 0.1)
    assert Standards().rule(calibration(distant=0.2), METRIC).bound == pytest.approx(3 * 0.2)
    quiet = calibration(paired=smallest / 9, unpaired=smallest / 8)
    assert Standards().rule(quiet, METRIC).bound == pytest.approx(3 * smallest)


def test_where_every_score_repeats_a_rule_asks_for_one_repetition_and_no_more() -> None:
    still = calibration(noise=0.0, paired=0.0, unpaired=0.0, distant=0.0)
    rule = Standards().rule(still, METRIC)
    assert still.deterministic
    assert rule.deterministic
    assert (rule.first_look, rule.screen, rule.block, rule.estimate) == (2, 2, 2, 2)
    for noisy in ({"noise": 1e-9}, {"distant": 1e-9}, {"failed": 0.1}):
        assert not still.model_copy(update=noisy).deterministic
    assert not Standards(standard="explore").rule(still, METRIC).deterministic


@pytest.mark.parametrize(("false", "sound"), [(0, True), (5, True), (20, False)])
def test_more_false_finds_than_chance_explains_fail_the_check(false: int, sound: bool) -> None:
    same = SameAgainstSame(identical=True, splits=100, false=false, level=0.02)
    assert same.sound == sound
    assert calibration(same=same).passed == sound


def test_a_budget_that_cannot_find_the_effect_is_refused_with_the_mend() -> None:
    known = instrument(calibration())
    plenty, little = Plan(60.0, 2, 2), Plan(2.0, 2, 2)
    least = known.least(256)
    assert least is not None
    assert f"can find gains of {least:.2g}" in foresee(known, plenty, rounded_up(least))
    assert "times in 100 by claim 5" in foresee(known, plenty, None)
    assert "at most 256 seeds" in foresee(known, Plan(None, 2, 2), None)
    with pytest.raises(BudgetError, match=r"found in \d+ % of cases.*give --minutes") as refused:
        foresee(known, little, rounded_up(least))
    longer = re.search(r"--minutes (\S+) or --effect (\S+)", str(refused.value))
    assert longer is not None
    foresee(known, Plan(float(longer[1]), 2, 2), rounded_up(least))
    foresee(known, little, float(longer[2]))
    mend = f"at most 256 seeds.*give --effect {rounded_up(least):g}"
    with pytest.raises(BudgetError, match=mend):
        foresee(known, Plan(None, 2, 2), 0.01)
    with pytest.raises(BudgetError, match="worth claiming"):
        foresee(known, plenty, METRIC.minimum_gain / 2)
    assert "confirm nothing" in foresee(known, Plan(0.1, 2, 2), None)
    assert BudgetError.exit_code == 2


def test_an_exploring_search_is_held_against_its_race() -> None:
    known = instrument(calibration(), standard="explore")
    assert "at most 64 seeds" in foresee(known, Plan(None, 2, 2), 0.05)
    with pytest.raises(BudgetError, match="give --effect"):
        foresee(known, Plan(None, 2, 2), 0.01)
    with pytest.raises(BudgetError, match="give --minutes"):
        foresee(known, Plan(1.0, 2, 2), 0.05)


def test_a_task_without_noise_is_no_division_by_zero() -> None:
    still = calibration(noise=0.0, paired=0.0, unpaired=0.0, correlation=0.0)
    assert "can find" in drawn(still)
    assert foresee(instrument(still), Plan(None, 2, 2), 2 * METRIC.minimum_gain)


@given(st.floats(1e-6, 1e6))
def test_a_number_that_is_rounded_up_is_not_below(value: float) -> None:
    assert value <= rounded_up(value) <= 1.11 * value


def test_a_forecast_uses_the_spread_of_children_and_prefers_that_of_earlier_claims() -> None:
    near, far = calibration(), calibration(distant=0.2, baselines=5)
    few, many = ((0.15,) * count for count in (2, 3))
    spreads = [
        Instrument(known, RULE, METRIC, sds).spread
        for known, sds in ((near, ()), (far, ()), (far, few), (far, many))
    ]
    assert spreads == [0.1, 0.2, 0.2, 0.15]
    assert "median of 5 baselines" in foresee(instrument(far), Plan(None, 2, 2), None)
    one, two = (instrument(known).least(256) for known in (near, far))
    assert one is not None
    assert two == pytest.approx(2 * one, rel=0.1)


def test_an_effect_that_the_screen_or_a_later_claim_loses_is_found_more_rarely() -> None:
    known = instrument(calibration())
    for gain in (0.02, 0.05, 0.1):
        first, fifth = (known.chance(gain, 256, number) for number in (1, 5))
        sds = (gain - METRIC.minimum_gain) / known.spread
        alone = power(known.rule, sds, LEVEL, spread=known.spread).chance
        assert fifth <= first <= alone
        assert first == pytest.approx(alone * known.passes(gain))


def test_searches_find_a_gain_as_often_as_the_forecast_promises() -> None:
    found = promise(0.8, searches=40)
    assert abs(found.share - found.promised) < 3 * found.error


# Power


@given(
    st.lists(st.lists(st.floats(-9, 9), min_size=5, max_size=5), min_size=1, max_size=6),
    st.floats(0.1, 2.0),
)
def test_the_e_value_of_arrays_is_that_of_lists(rows: list[list[float]], scale: float) -> None:
    table = np.array(rows)
    mean = table.mean(1)
    centred = table - mean[:, None]
    many = judge.log_e_from_moments(5, mean, (centred**2).mean(1), (centred**3).mean(1), scale)
    each = [judge.log_e_value(row, scale) for row in rows]
    assert many == pytest.approx(each, rel=1e-6, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1.5), st.floats(0, 0.5), st.integers(0, 256))
def test_a_larger_effect_or_budget_is_found_more_often(
    effect: float, more: float, pairs: int
) -> None:
    small = power(RULE, effect, LEVEL, pairs).chance
    assert small <= power(RULE, effect + more, LEVEL, pairs).chance + 1e-12
    assert small <= power(RULE, effect, LEVEL).chance


@pytest.mark.parametrize("rule", [RULE, Rule(bound=0.4), FEW])
@settings(max_examples=4, deadline=None)
@given(
    effects=st.lists(st.floats(0, 3), min_size=1, max_size=5),
    level=st.floats(1e-3, 0.05),
    pairs=st.integers(4, 256),
)
def test_tests_whose_ends_are_known_are_left_out_without_a_trace(
    rule: Rule, effects: list[float], level: float, pairs: int
) -> None:
    for effect in effects:
        whole = power(rule, effect, level, pairs, 0.1).chance
        assert shown(rule, effect, level, pairs, 0.1) == whole


@pytest.mark.parametrize("rule", [RULE, Rule(bound=0.4)])
@pytest.mark.parametrize("effect", [0.0, 0.25, 0.5])
def test_power_is_what_the_judge_itself_finds(rule: Rule, effect: float) -> None:
    rng, held, pairs, trials, spread = Random(3), 0, 0, 300, 0.1
    for _ in range(trials):
        values = [spread * rng.gauss(effect, 1.0) for _ in range(rule.most)]
        tested = judge.sequential_test(rule, 0.0, LEVEL, partial(first_of, values))
        held += tested.held
        pairs += tested.pairs
    foretold = power(rule, effect, LEVEL, spread=spread)
    assert held / trials == pytest.approx(foretold.chance, abs=0.08)
    assert pairs / trials == pytest.approx(foretold.pairs, rel=0.2)  # its error is 5 %


@pytest.mark.parametrize("rule", [RULE, Rule(bound=3.0)])
def test_many_tests_at_once_end_as_each_does_alone(rule: Rule) -> None:
    samples = np.random.default_rng(2).standard_t(2, (40, rule.most)) + 0.4
    levels = np.geomspace(0.05, 0.0005, 40)
    together = ends(rule, samples, levels)
    for row, level, confirmed, stopped in zip(samples.tolist(), levels, *together, strict=True):
        tested = judge.sequential_test(rule, 0.0, float(level), partial(first_of, row))
        assert (tested.held, tested.pairs) == (confirmed <= rule.most, stopped)


def first_of(gains: list[float], count: int) -> list[float]:
    return gains[:count]


def test_the_detectable_effect_is_the_smallest_and_takes_the_pairs_it_needs() -> None:
    least = detectable(RULE, LEVEL)
    assert least is not None
    assert power(RULE, least, LEVEL).chance >= 0.8
    assert power(RULE, 0.98 * least, LEVEL).chance < 0.8
    assert pairs_needed(RULE, 0.5 * least, LEVEL) is None
    needed = pairs_needed(RULE, 2 * least, LEVEL)
    assert needed is not None
    assert power(RULE, 2 * least, LEVEL, needed).chance >= 0.8
    assert power(RULE, 2 * least, LEVEL, needed - RULE.look).chance < 0.8
    assert detectable(RULE, LEVEL, pairs=RULE.block - 1) is None


def test_futility_is_the_judges_own() -> None:
    for pairs in (16, 64, 240):
        edge = futile_t(RULE, pairs, LEVEL)
        for t, hopeless in ((edge - 0.01, True), (edge + 0.01, False)):
            found = Summary(mean=t / pairs**0.5, sd=1.0, pairs=pairs)
            assert (judge.chance(RULE, found, LEVEL) < RULE.hope) == hopeless


def test_screens_drop_large_gains_rarely_and_no_gain_mostly() -> None:
    large, none = lost(RULE, 1.0, METRIC), lost(RULE, 0.0, METRIC)
    assert large.screen < 0.02
    assert none.first_look < none.screen
    assert none.screen > 0.7
    assert race_power(RULE, 0.0) == pytest.approx(RULE.race_p)


@pytest.mark.parametrize("effect", [0.0, 0.3, 100.0])
def test_what_a_simulated_screen_drops_is_what_the_rule_drops_row_by_row(effect: float) -> None:
    rows = np.random.default_rng(7).standard_normal((SCREENS, RULE.screen)) + effect
    first = [judge.hopeless(RULE, row[: RULE.first_look], METRIC) for row in rows.tolist()]
    late = [
        judge.hopeless(RULE, row, METRIC) or not judge.promising(RULE, judge.summary(row).t, [])
        for row in rows.tolist()
    ]
    either = [one or other for one, other in zip(first, late, strict=True)]
    assert lost(RULE, effect, METRIC) == (sum(first) / SCREENS, sum(either) / SCREENS)


# The verbs


def test_calibrate_prints_plain_words_and_json_and_measures_once(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    first = ratchet("calibrate", BOWL, *UNISOLATED, "--seeds", "16")
    assert first.returncode == 0, first.stderr
    assert "measuring bowl on 16 seeds" in first.stderr
    for words in ("from seed to seed", "4 times in 5", "to find a gain of", "glance", "ok"):
        assert words in first.stdout
    assert "!!" not in first.stdout
    second = ratchet("calibrate", BOWL, *UNISOLATED, "--json")
    assert "measuring" not in second.stderr
    known = json.loads(second.stdout)
    assert (known["seeds"], known["design"], known["passed"]) == (16, "paired", True)
    third = ratchet("calibrate", BOWL, *UNISOLATED, "--again", "--json", "--seeds", "16")
    assert json.loads(third.stdout)["noise"] != known["noise"]


def test_a_search_calibrates_once_takes_its_rule_and_refuses_a_hopeless_budget(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    words = ["search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, "--turns", "2"]
    asked = ["--standard", "explore", "--control", "fdr", "--alpha", "0.1", "--schedule", "fixed"]
    first = ratchet(*words, *asked)
    assert first.returncode == 0, first.stderr
    assert "calibrating bowl" in first.stdout
    assert "this budget can find gains of" in first.stdout
    record = Archive(tmp_path / ".ratchet/archive.db").run()
    rule = record.rule
    assert (rule.standard, rule.control, rule.alpha) == ("explore", "fdr", 0.1)
    assert (rule.design, rule.glance, record.config["schedule"]) == ("paired", 4, "fixed")
    second = ratchet(*words, "--effect", "0.5")
    assert second.returncode == 0, second.stderr
    assert "calibrating" not in second.stdout
    refused = ratchet(*words, "--effect", "0.0021")
    assert refused.returncode == 2
    assert re.search(r"error: .* give --effect \S+\n", refused.stderr)
    assert len(Archive(tmp_path / ".ratchet/archive.db").runs()) == 2
