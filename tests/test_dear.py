"""Few and dear trials: when a search has them, what its claims rest on, and how often they err."""

import argparse
import math
import re
from pathlib import Path
from statistics import stdev

import noise
import numpy as np
import pytest
from conftest import BOWL, SECRET, UNISOLATED, Ratchet
from dear import DEAR, NOISES, RULE, found, planted, row
from hypothesis import given
from hypothesis import strategies as st
from stand_ins.runs import always, start
from stand_ins.tweak import Tweak

from ratchet.archive import Archive
from ratchet.evals import COMMON, Claim, Keys, Rule, draw, judge
from ratchet.evals.judge.pooled import SHARE
from ratchet.evals.judge.power import ends
from ratchet.evals.records import Summary
from ratchet.evals.rule import PooledSpread
from ratchet.sandbox import Sandbox
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.plan import Plan, dear_seeds
from ratchet.search.studies.known import calibrated, stored
from ratchet.search.studies.quick import quick_calibration
from ratchet.search.studies.rejudge import rejudge
from ratchet.tasks import load

POOLED = PooledSpread(sd=0.02, freedom=14)
DOCS = Path(__file__).parent.parent / "docs" / "statistics.md"


# How often claims err, and what they find


@pytest.mark.parametrize("times", [1.0, 2.0])
@pytest.mark.parametrize("noise", ["normal", "t3", "Laplace"])
def test_untrue_claims_of_a_search_hold_at_most_as_often_as_promised(
    noise: str, times: float
) -> None:
    asked = argparse.Namespace(first_seed=1, searches=25, claims=10, planted=3)
    # Binomial(25, 0.05) exceeds 5 with probability 0.1 %.
    assert row(noise, times, asked)["dear"][0] <= 5 / 25


def test_a_gain_of_three_spreads_is_mostly_confirmed_within_six_pairs() -> None:
    cells = found("normal", argparse.Namespace(first_seed=1, searches=200, planted=3))
    # The share of many searches is 0.70, and the error of this one 0.03.
    assert cells["claim 1, 6 pairs"] >= 0.5
    assert cells["claim 1, usual"] < cells["claim 1, 8 pairs"]


def test_pairs_that_agree_by_luck_convince_nobody_where_the_spread_is_known() -> None:
    gains, level = [0.01] * 3, judge.level(RULE, [])
    wide = RULE.model_copy(update={"pooled": PooledSpread(sd=0.02, freedom=14)})
    narrow = RULE.model_copy(update={"pooled": PooledSpread(sd=0.0001, freedom=14)})
    assert judge.confirm(wide, gains, 0.0, level).standing != "confirmed"
    assert judge.confirm(narrow, gains, 0.0, level).standing == "confirmed"


def test_a_child_noisier_than_anything_before_convinces_nobody_either() -> None:
    narrow = RULE.model_copy(update={"pooled": PooledSpread(sd=0.0001, freedom=14)})
    assert judge.confirm(narrow, [1.0, -0.6, 0.9], 0.0, 0.02).standing != "confirmed"


def test_many_claims_at_once_end_as_each_does_alone() -> None:
    rng = np.random.default_rng(2)
    rule = planted(rng, "normal", 3)
    samples, levels = rng.standard_normal((40, rule.most)) + 3, np.geomspace(0.02, 0.0005, 40)
    together = ends(rule, samples, levels)
    assert 5 < np.isfinite(together.confirmed).sum() < 35
    for gains, level, confirmed, stopped in zip(samples.tolist(), levels, *together, strict=True):
        test = noise.tested(rule, gains, float(level))
        assert (test.held, test.pairs) == (confirmed <= rule.most, stopped)


# The pooled spread


@given(st.lists(st.tuples(*[st.floats(-9, 9)] * 2), min_size=2, max_size=9))
def test_the_spread_between_two_programs_is_that_of_their_differences(
    scores: list[tuple[float, float]],
) -> None:
    one, two = zip(*scores, strict=True)
    pooled = judge.spread_between([one, two], paired=True)
    assert pooled is not None
    assert pooled.freedom == len(scores) - 1
    assert pooled.sd == pytest.approx(stdev(a - b for a, b in scores), abs=1e-9)
    apart = judge.spread_between([one, two], paired=False)
    assert apart is not None
    assert apart.sd == pytest.approx(math.hypot(stdev(one), stdev(two)), abs=1e-9)


@pytest.mark.parametrize("programs", [1, 3, 6])
def test_the_spread_is_under_its_upper_bound_as_often_as_is_paid_for(programs: int) -> None:
    rng, level, over = np.random.default_rng(1), 0.5, 0
    for _ in range(2000):
        pooled = planted(rng, "normal", programs).pooled
        assert pooled is not None
        over += judge.upper_bound(pooled, level) < 1
    # The standard error is 0.007.
    assert over / 2000 == pytest.approx(SHARE * level, abs=0.025)


def claim(sd: float, pairs: int = 4, **changes: object) -> Claim:
    known = {"says": "better", "versus": 0, "held": False, "level": 0.01, "log_e": 0.0}
    gain = Summary(mean=0.0, sd=sd, pairs=pairs)
    rest = {"stream": "s", "pairs": pairs, "evidence": "", "gain": gain}
    return Claim.model_validate({**known, **rest, **changes})


@given(st.lists(st.tuples(st.floats(0.001, 0.1), st.integers(3, 8)), max_size=9))
def test_earlier_claims_make_the_spread_surer_and_never_smaller(
    earlier: list[tuple[float, int]],
) -> None:
    rule = RULE.model_copy(update={"pooled": POOLED})
    claims = [claim(sd, pairs) for sd, pairs in earlier]
    later = judge.pooled_so_far(rule, claims).pooled
    assert later is not None
    assert later.freedom == POOLED.freedom + sum(pairs - 1 for _, pairs in earlier)
    assert POOLED.sd <= later.sd <= max([POOLED.sd, *(sd for sd, _ in earlier)]) * (1 + 1e-9)
    others = [claim(0.5, says="simpler"), claim(0.5, gated=True), claim(0.5, void=True), claim(0)]
    assert judge.pooled_so_far(rule, [*others, *claims]).pooled == later
    assert judge.pooled_so_far(Rule(), claims) == Rule()


# When it holds


def test_older_rules_are_of_no_such_regime_and_a_new_one_is_kept() -> None:
    old = Rule.model_validate(Rule().model_dump(exclude={"pooled"}))
    assert (old.pooled, old.regime) == (None, "usual")
    assert Rule(deterministic=True).regime == "deterministic"
    rule = RULE.model_copy(update={"pooled": POOLED})
    assert rule.regime == "dear"
    assert Rule.model_validate_json(rule.model_dump_json()) == rule


@given(st.floats(0.1, 1e4), st.integers(1, 9), st.floats(0.01, 1e3))
def test_trials_are_dear_where_a_first_look_takes_over_half_of_what_is_left(
    minutes: float, planted: int, seconds: float
) -> None:
    plan, usual = Plan(minutes, 2, planted), Rule()
    left = 120 * minutes / seconds - planted * usual.estimate - 2 * usual.screen
    assert plan.dear(seconds) == (2 * usual.block > left / 2)
    assert not Plan(None, 2, planted).dear(seconds)
    trials = planted * usual.estimate + 2 * usual.screen + 4 * usual.block
    assert not plan._replace(minutes=None, trials=trials).dear(seconds)
    assert plan._replace(trials=trials - 1).dear(seconds)


# The quick calibration


def test_a_quick_calibration_costs_a_search_two_trials_and_is_not_enough_for_another(
    tmp_path: Path, process_sandbox: Sandbox
) -> None:
    keys, archive = Keys("steer", "sealed"), Archive(tmp_path / "a.db", create=True)
    lab = Lab(load(BOWL), process_sandbox, archive)
    quick = quick_calibration(lab, keys)
    seeds = draw(keys, COMMON, dear_seeds(2))
    assert lab.trials == 2 * len(seeds) + 2
    lab.evaluate(lab.start, COMMON, seeds)
    assert lab.trials == 2 * len(seeds) + 2
    assert (quick.quick, quick.passed, quick.seeds, quick.copies) == (True, True, len(seeds), 0)
    assert (quick.noise_check, quick.crippled, quick.grader) == (None, None, None)
    assert quick.pooled is not None
    assert quick.distant == pytest.approx(quick.pooled.sd)
    archive.add_calibration(quick)
    assert calibrated(lab, archive, RULE, keys, quick=True) == quick == stored(lab, archive)
    assert not calibrated(lab, archive, RULE, keys, seeds=8).quick


def test_a_small_budget_is_searched_with_few_pairs_and_says_so(
    tmp_path: Path, ratchet: Ratchet
) -> None:
    asked = ["--max-trials", "70", "--seed", "3", "--secret", SECRET]
    done = ratchet("search", BOWL, "--agent", "stand_ins.tweak", *UNISOLATED, *asked)
    assert done.returncode == 0, done.stderr
    assert "calibrating bowl quickly" in done.stdout
    assert "regime: dear: " in done.stdout
    assert "70 trials, which leave" not in done.stdout  # it leaves all 8 pairs
    archive = Archive(tmp_path / ".ratchet/archive.db")
    run = archive.run()
    assert run.rule.pooled is not None
    assert {key: getattr(run.rule, key) for key in DEAR} == dict(DEAR)
    tree = archive.tree(run.id)
    assert all(node.common_seeds == dear_seeds(2) for node in tree.planted())
    assert tree.trials + 2 <= 70
    words = ratchet("calibrate", BOWL, *UNISOLATED, "--quick", "--minutes", "0.001")
    assert "measuring" not in words.stderr
    assert words.stdout.count("this calibration was quick") == 2
    assert "dear: trials are few" in words.stdout


# Verdicts


def test_a_verdict_is_recomputed_by_the_manual_and_judged_again_alike(
    tmp_path: Path,
    process_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / ".ratchet").mkdir()
    rule = Rule(pooled=POOLED, estimate=8, **DEAR)
    run = start(tmp_path / ".ratchet/archive.db", process_sandbox, Tweak(), turns=16, rule=rule)
    list(search(run, always))
    tree = run.archive.tree(run.id)
    assert tree.best() is not None
    freedom = [
        node.verdict.rule.pooled.freedom
        for node, claim in tree.claimed()
        if node.verdict and node.verdict.rule and node.verdict.rule.pooled and not claim.gated
    ]
    assert freedom[0] == POOLED.freedom
    assert freedom == sorted(set(freedom)), "each claim knows more of the spread"
    assert all(claim.pairs <= rule.most for _, claim in tree.claimed())
    again = rejudge(run.archive, run.id)
    assert [one.after for one in again] == [one.before for one in again]
    assert [one.log_e for one in again] == [claim.log_e for _, claim in tree.claimed()]
    text = DOCS.read_text()
    recipes = re.findall(r"(?ms)^```python\n(.*?)^```", text[text.index("## Recompute") :])
    recipe = recipes[0][: recipes[0].index("bounds =")] + recipes[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(recipe, str(DOCS), "exec"), {})
    mine, archived, threshold = map(float, capsys.readouterr().out.split())
    assert mine == pytest.approx(archived, rel=1e-9)
    assert mine >= threshold


def test_the_table_has_the_noises_that_the_manual_speaks_of() -> None:
    text = DOCS.read_text()
    table = text[text.index("<!-- dear -->") : text.index("<!-- /dear -->")]
    assert all(f"| {noise} | " in table for noise in NOISES)
