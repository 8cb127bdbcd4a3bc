"""One chance of error over all runs of a task in an archive, whatever overlaps or is resumed."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from conftest import BOWL, SECRET
from hypothesis import given
from hypothesis import strategies as st

from ratchet.archive import Archive
from ratchet.evals import Claim, Rule, judge
from ratchet.evals.judge.levels import ZETA_3_2
from ratchet.search.run import Config
from ratchet.search.series import MANY, start, warning
from ratchet.tasks import load

ALPHA = 0.05


def config(control: str = "archive") -> Config:
    rule = Rule.model_validate({"control": control, "alpha": ALPHA})
    return Config(task="bowl", key="1" * 32, secret=SECRET, rule=rule)


def claim(level: float, held: bool) -> Claim:
    return Claim(
        says="better",
        versus=0,
        held=held,
        level=level,
        log_e=0.0,
        stream="s",
        pairs=16,
        evidence="",
    )


def test_runs_that_begin_at_once_have_shares_that_sum_to_less_than_one(tmp_path: Path) -> None:
    archive, task = Archive(tmp_path / "a.db", create=True), load(BOWL)
    start(archive, "own", task, config("familywise"))
    with ThreadPoolExecutor(4) as pool:
        begun = list(pool.map(lambda n: start(archive, f"r{n}", task, config()), range(8)))
    shares = [record.rule.share for record in archive.runs() if record.id != "own"]
    assert sorted(shares) == sorted(entry.rule.share for entry in begun)
    assert shares == sorted(shares, reverse=True), "the earlier a run, the larger its share"
    assert len(set(shares)) == 8
    assert sum(shares) < 1
    assert archive.run("own").rule.share == 1.0


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_however_runs_overlap_the_levels_of_untrue_claims_sum_to_at_most_alpha(
    seed: int, runs: int
) -> None:
    rng = Random(seed)
    rules = [
        Rule(control="archive", alpha=ALPHA, share=(number + 1) ** -1.5 / ZETA_3_2)
        for number in range(runs)
    ]
    claims: list[list[Claim]] = [[] for _ in rules]
    untrue = []
    for _ in range(40):  # before the first false claim, what held was true
        number = rng.randrange(runs)
        level, true = judge.level(rules[number], claims[number]), rng.random() < 0.5
        untrue += [] if true else [level]
        claims[number].append(claim(level, true and rng.random() < 0.8))
    assert math.fsum(untrue) <= ALPHA + 1e-12


def test_an_archive_of_many_runs_with_an_error_each_is_told_so_once(tmp_path: Path) -> None:
    archive, task = Archive(tmp_path / "a.db", create=True), load(BOWL)
    for number in range(MANY):
        assert not warning(archive, task, ALPHA)
        start(archive, f"r{number}", task, config("fdr" if number % 2 else "familywise"))
    assert f"holds {MANY} runs of bowl already" in warning(archive, task, ALPHA)


def test_a_rule_of_an_older_version_has_the_whole_of_its_alpha() -> None:
    older = Rule().model_dump()
    del older["share"]
    assert Rule.model_validate(older).own_alpha == Rule().alpha
