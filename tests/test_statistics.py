"""Small versions of the benchmarks behind docs/statistics.md, and its recipe, run as printed.

Every test is seeded. Beside a threshold stands how far chance reaches if all is well.
"""

import re
from pathlib import Path

import pytest
from errors import row
from intervals import GROUPS, gather
from intervals import summed as missed
from landscape import Landscape, read, searched
from noise import MODELS, RHO
from null_rules import figures, searches
from numpy.random import default_rng
from power import confirmations, levels, pipeline
from selection import PEERS, Curve, peer, ratchet
from selection import summed as scored
from stand_ins.runs import always, start
from stand_ins.tweak import Tweak

from ratchet.archive import Tree
from ratchet.evals import Rule
from ratchet.sandbox import Sandbox
from ratchet.search.loop import search

RULE, BOUNDED = Rule(), Rule(bound=1.0)
DOCS = Path(__file__).parent.parent / "docs" / "statistics.md"


@pytest.mark.parametrize("model", MODELS)
def test_searches_without_effect_promote_something_at_most_as_often_as_promised(
    model: str,
) -> None:
    found = figures(searches(model, 60, 100, 1, RULE))
    # Binomial(60, 0.05) exceeds 8 with probability 0.4 %.
    assert found["Ratchet, familywise"]["any"] <= 8 / 60
    assert found["Ratchet, fdr"]["any"] <= 8 / 60
    assert found["single score > best"]["any"] > 0.9
    assert found["paired t, n = 16, p < .05"]["any"] > 0.9


@pytest.mark.parametrize(
    "noise",
    [
        "log-normal 1.5, to the left",
        "parent solves 10 % of seeds",
        "loses 20 sd on 1 seed in 50",
        "steady +1 or -9",
    ],
)
def test_seeds_that_fail_rarely_buy_no_claim_of_a_bounded_gain(noise: str) -> None:
    cells = row(noise, 12, 1, compare=False)
    # Binomial(12, 0.05) exceeds 3 with probability 0.2 %.
    assert cells["nil"][0] <= 3 / 12
    assert cells["before"][0] > 3 / 12


@pytest.mark.parametrize("schedule", ["adaptive", "fixed"])
def test_real_searches_without_gains_confirm_nothing_and_spend_nothing_on_the_hopeless(
    schedule: str,
) -> None:
    false = tried = 0
    for number in range(8):
        land = Landscape(number, good=0.0, none=0.5, harm=0.3)
        with searched(land, lambda made, seeds: made < 60, schedule) as found:
            tree = found.tree
        false += bool(tree.confirmed())
        claims = [n.verdict for n in tree if n.verdict and n.verdict.claims]
        tried += len(claims)
        assert all(each.screen and each.screen.t >= RULE.promote_t for each in claims)
    assert tried > 16
    # Binomial(8, 0.05) exceeds 2 with probability 0.6 %.
    assert false <= 2


def test_where_nothing_is_random_every_claim_takes_two_pairs_and_is_true() -> None:
    rule = Rule(
        deterministic=True, first_look=2, screen=2, block=2, estimate=2, bound=0.06, glance=0
    )
    land = Landscape(1, good=0.3, noise=0.0)
    with searched(land, lambda made, seeds: made < 40, "fixed", rule) as found:
        tree = found.tree
    claims = [claim for node in tree if node.verdict for claim in node.verdict.claims]
    assert len(tree.confirmed()) > 3
    assert {claim.pairs for claim in claims} == {2}
    assert all(claim.held for claim in claims)
    for node in tree.confirmed():
        assert node.parent is not None
        assert read(node.candidate)[1] - read(tree[node.parent].candidate)[1] > 0.02


def test_confirming_a_stream_costs_half_of_what_a_test_of_fixed_size_does() -> None:
    level = levels(RULE)["5th"]
    alone, stream = confirmations(RULE, 0.2, RHO, level, 400, default_rng(1))
    assert alone.detected > 0.8  # .88, with a standard error of .016
    assert alone.ratio < 1.2  # .93, with a standard error of .04
    assert stream.ratio < 0.5  # .42, with a standard error of .02


def test_screening_and_confirming_costs_half_of_testing_every_candidate() -> None:
    level = levels(RULE)["5th"]
    _, runs = pipeline(RULE, (0.1, 0.2, 0.5, 1.0), RHO, level, 1500, default_rng(1), harm=1.0)
    assert runs < 0.5  # .25; the test's size doubles within five standard errors of the power


def test_what_is_reported_covers_the_truth_and_is_not_too_high() -> None:
    groups = gather(1, 24, 60, 0.3)
    every = missed(groups[GROUPS[0]])["64 sealed seeds"]
    report = missed(groups[GROUPS[2]])["report"]
    count = len(groups[GROUPS[2]])
    assert count >= 15
    # If 95 % are covered, 4 or more of 24 are missed with probability 3 %, 6 or more with 0.1 %.
    assert report["coverage"] >= 1 - 5 / count
    assert every["coverage"] >= 0.85
    assert abs(report["bias"]) < 0.1  # its standard error is about .01
    assert abs(every["bias"]) < 0.1


def test_the_claimed_best_is_better_and_more_honest_than_that_of_single_scores() -> None:
    budget = "seeds 1000"
    ours: list[Curve] = []
    theirs: dict[str, list[Curve]] = {name: [] for name in PEERS}
    for number in range(6):
        land = Landscape(number)
        ours.append(ratchet(land, "adaptive", RULE, [1000]))
        for name, choose in PEERS.items():
            theirs[name].append(peer(land, choose, [1000]))
    mine = scored(ours)[budget]
    assert mine["true"] > 0.0
    assert abs(mine["over"]) < 0.2  # its standard error is about .03
    for name, curves in theirs.items():
        other = scored(curves)[budget]
        assert other["over"] > 1.0, name
        assert mine["true"] > other["true"] - 0.5, name


def test_the_recipe_in_the_documentation_recomputes_a_verdict(
    tmp_path: Path,
    process_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / ".ratchet").mkdir()
    run = start(tmp_path / ".ratchet/archive.db", process_sandbox, Tweak(), turns=12, rule=BOUNDED)
    best = Tree(list(search(run, always))).best()
    assert best is not None
    assert best.verdict is not None
    recipe = re.search(r"(?ms)## Recompute a verdict.*?^```python\n(.*?)^```", DOCS.read_text())
    assert recipe is not None
    monkeypatch.chdir(tmp_path)
    exec(compile(recipe[1], str(DOCS), "exec"), {})
    mine, archived, threshold = map(float, capsys.readouterr().out.split())
    assert mine == pytest.approx(archived, rel=1e-9)
    assert archived == best.verdict.claims[0].log_e
    assert mine >= threshold
