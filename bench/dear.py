"""How often does a search with few and dear trials make a false claim, and what does it find?

    python bench/dear.py

Every search first measures `--planted` programs without any difference, from which it pools its
spread. Then it puts `--claims` claims to 3 to 8 pairs of fresh gains, none of them true, at the
levels of its error budget. The pairs of each claim count for the spread of the next. A child may be
noisier than the planted programs: "2 x" has twice the standard deviation. "Usual" is the usual rule
with the same pairs, which bounds a gain and takes nothing of the spread. "t test" looks at t after
each pair, and asks for a p value of the claim's level.

The last columns are shares of first and third claims that hold where every gain is larger by three
standard deviations, within 6 and 8 pairs.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from harness import options, save, share_error
from noise import claim, tested
from scipy.special import stdtr

from ratchet.evals import Claim, Rule, judge
from ratchet.evals.judge.power import BOUND, ends
from ratchet.search.plan import DEAR, dear_seeds

TIMES, GAIN = (1.0, 2.0, 4.0), 3.0
RULE = Rule(**DEAR)
USUAL = RULE.model_copy(update={"bound": BOUND})
Array = np.ndarray[Any, np.dtype[np.float64]]
RNG = np.random.Generator
Draw = Callable[[RNG, tuple[int, ...]], Array]


def losing(rng: RNG, shape: tuple[int, ...]) -> Array:
    """Normal but for a loss of 10 on one seed in 20, which is made good on the others."""
    lost = rng.random(shape) < 0.05
    noise = np.where(lost, -10.0, 10 * 0.05 / 0.95) + rng.standard_normal(shape)
    return np.asarray(noise / math.sqrt(1 + 100 * 0.05 + 0.95 * (10 * 0.05 / 0.95) ** 2))


NOISES: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape) / math.sqrt(3),
    "Laplace": lambda rng, shape: rng.laplace(size=shape) / math.sqrt(2),
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), shape),
    "one up or down": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "exponential, to the right": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "exponential, to the left": lambda rng, shape: 1 - rng.standard_exponential(shape),
    "loses 10 on 1 seed in 20": losing,
}


def planted(rng: RNG, noise: str, programs: int) -> Rule:
    """The rule of a search whose planted programs have this noise; gains have unit spread."""
    scores = NOISES[noise](rng, (programs, dear_seeds(programs))) / math.sqrt(2)
    pooled = judge.spread_between(scores.tolist(), paired=True)
    return RULE.model_copy(update={"pooled": pooled})


def tried(rule: Rule, gains: Array) -> list[Claim]:
    """The claims of one search, tested one after another on the rows of `gains`."""
    claims: list[Claim] = []
    for row in gains.tolist():
        level, now = judge.level(rule, claims), judge.pooled_so_far(rule, claims)
        claims.append(claim(tested(now, row, level), level))
    return claims


def by_t(gains: Array, levels: Array) -> Array:
    """Which rows a plain t test finds above zero at one look at least."""
    held = np.zeros(len(gains), dtype=bool)
    for n in range(RULE.block, RULE.most + 1):
        part = gains[:, :n]
        with np.errstate(divide="ignore"):
            t = part.mean(1) / part.std(1, ddof=1) * math.sqrt(n)
        held |= 1 - stdtr(n - 1, t) < levels
    return held


def row(noise: str, times: float, asked: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Shares of searches with a false claim under each rule, with their standard errors."""
    rng = np.random.default_rng([asked.first_seed, list(NOISES).index(noise), int(times)])
    levels = judge.level(RULE, []) * np.arange(1.0, asked.claims + 1) ** -1.5
    counts = dict.fromkeys(("usual", "t test", "dear"), 0)
    for _ in range(asked.searches):
        gains = times * NOISES[noise](rng, (asked.claims, RULE.most))
        counts["usual"] += bool(np.isfinite(ends(USUAL, gains, levels).confirmed).any())
        counts["t test"] += bool(by_t(gains, levels).any())
        counts["dear"] += any(c.held for c in tried(planted(rng, noise, asked.planted), gains))
    return {rule: share_error(count, asked.searches) for rule, count in counts.items()}


def found(noise: str, asked: argparse.Namespace) -> dict[str, float]:
    """Shares of claims that hold where the gain is `GAIN` spreads."""
    rng = np.random.default_rng([asked.first_seed, list(NOISES).index(noise), 99])
    shares: dict[str, float] = {}
    for place in (1, 3):
        level = judge.level(RULE, []) * place**-1.5
        pairs = []
        for _ in range(asked.searches):
            rule = planted(rng, noise, asked.planted)
            rule = judge.pooled_so_far(rule, tried(rule, NOISES[noise](rng, (place - 1, 8))))
            pairs.append(ends(rule, NOISES[noise](rng, (1, 8)) + GAIN, level).confirmed[0])
        for within in (6, 8):
            shares[f"claim {place}, {within} pairs"] = float(np.mean(np.array(pairs) <= within))
        gains = NOISES[noise](rng, (asked.searches, 8)) + GAIN
        usual = np.isfinite(ends(USUAL, gains, level).confirmed)
        shares[f"claim {place}, usual"] = float(usual.mean())
    return shares


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = options(__doc__, searches=2000)
    parser.add_argument("--planted", type=int, default=3, help="programs that a search begins with")
    parser.add_argument("--claims", type=int, default=10)
    parser.add_argument("--noises", nargs="+", default=list(NOISES), choices=list(NOISES))
    asked = parser.parse_args(arguments)
    seeds = dear_seeds(asked.planted)
    print(
        f"{asked.searches} searches of {asked.claims} untrue claims of {RULE.block} to {RULE.most} "
        f"pairs, after {asked.planted} planted programs on {seeds} seeds each: share with a false "
        f"claim\n\n| noise of a gain | child's spread | usual | t test | dear |\n{'| --- ' * 5}|"
    )
    figures: dict[str, Any] = {}
    for noise in asked.noises:
        for times in TIMES:
            cells = figures[f"{noise}, {times:g} x"] = row(noise, times, asked)
            shares = " | ".join(f"{share:.3f} ± {error:.3f}" for share, error in cells.values())
            print(f"| {noise} | {times:g} x | {shares} |", flush=True)
    print(f"\nshare of claims that hold where the gain is {GAIN:g} standard deviations\n")
    for number, noise in enumerate(asked.noises):
        figures[f"{noise}, found"] = power = found(noise, asked)
        if not number:
            print(f"| noise of a gain | {' | '.join(power)} |\n{'| --- ' * (1 + len(power))}|")
        print(f"| {noise} | {' | '.join(f'{share:.2f}' for share in power.values())} |", flush=True)
    save(asked, figures)


if __name__ == "__main__":
    main()
