"""The check of the instrument names noise that it cannot judge by, and no other noise."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from ratchet.evals import Rule
from ratchet.evals.checks import NoiseCheck
from ratchet.evals.noise import check_noise

RULE = Rule()
PROGRAMS, SEEDS, JOB = 6, 16, 4
Table = np.ndarray[Any, np.dtype[np.float64]]
Noise = Callable[[Generator], Table]


def over_one(draw: Callable[[tuple[int, int]], Table]) -> Table:
    """Gains of programs over one reference, all with this noise."""
    return draw((PROGRAMS, SEEDS)) - draw((1, SEEDS))


def normal(rng: Generator) -> Table:
    return over_one(rng.standard_normal)


def lattice(rng: Generator) -> Table:
    return over_one(lambda size: rng.binomial(20, 0.7, size=size) / 20)


def ties(rng: Generator) -> Table:
    return rng.choice([-0.05, 0.0, 0.05], p=[0.05, 0.9, 0.05], size=(PROGRAMS, SEEDS))


def catastrophes(rng: Generator, count: int = 2) -> Table:
    gains = normal(rng)
    for _ in range(count):
        gains[rng.integers(PROGRAMS), rng.integers(SEEDS)] -= 200
    return gains


def drift(rng: Generator) -> Table:
    return normal(rng) + 0.4 * np.arange(SEEDS)


def jobs(rng: Generator) -> Table:
    def draw(size: tuple[int, int]) -> Table:
        job = np.repeat(rng.standard_normal((size[0], SEEDS // JOB)), JOB, axis=1)
        return job + 0.4 * rng.standard_normal(size)

    return over_one(draw)


FLAWED: dict[str, tuple[Noise, str]] = {
    "Cauchy": (lambda rng: over_one(lambda size: rng.standard_cauchy(size)), "outliers"),
    "one catastrophe": (lambda rng: catastrophes(rng, 1), "outliers"),
    "two catastrophes": (catastrophes, "outliers"),
    "log-normal 2 to the left": (
        lambda rng: -rng.lognormal(sigma=2.0, size=(PROGRAMS, SEEDS)),
        "skew",
    ),
    "linear drift": (drift, "drift"),
    "random walk": (
        lambda rng: np.cumsum(rng.standard_normal((PROGRAMS, SEEDS)), axis=1),
        "drift",
    ),
    "correlated jobs": (jobs, "jobs"),
}


def checked(noise: Noise, sets: int) -> list[NoiseCheck]:
    rng = np.random.default_rng(5)
    checks = [check_noise(RULE, noise(rng).tolist(), JOB) for _ in range(sets)]
    return [check for check in checks if check is not None]


@pytest.mark.parametrize("name", FLAWED)
def test_noise_that_breaks_the_judge_is_named(name: str) -> None:
    noise, flaw = FLAWED[name]
    sets = 8
    checks = checked(noise, sets)
    named = Counter(flaw for check in checks for flaw in check.flaws)
    unsound = sum(bool(check.flaws) for check in checks)
    assert unsound >= sets - 1
    assert named[flaw] >= sets - 2  # type: ignore[index]


def test_normal_and_lattice_noise_pass_in_95_of_100_sets() -> None:
    checks = [*checked(normal, 50), *checked(lattice, 40), *checked(ties, 10)]
    assert sum(bool(check.flaws) for check in checks) <= 5


def test_what_cannot_be_known_is_not_made_up() -> None:
    rng = np.random.default_rng(3)
    gains = rng.standard_normal((3, SEEDS)).tolist()
    one_job = check_noise(RULE, gains, 32)
    assert one_job is not None
    assert (one_job.correlation, one_job.jobs) == (None, None)
    assert check_noise(RULE, [[0.0] * SEEDS] * 3, JOB) is None
    assert check_noise(RULE, [row[:4] for row in gains], JOB) is None
    jobs = check_noise(RULE, gains, JOB)
    assert jobs is not None
    assert jobs.correlation is not None
    assert jobs.correlation_high is not None
    assert jobs.correlation < jobs.correlation_high < 1
