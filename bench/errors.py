"""How often does a search make a false claim where seeds fail, and what does that cost?

    python bench/errors.py

A search puts 100 claims to fresh seeds, none of them true. "Before" is the rule without a bound,
which takes gains for symmetric and looks every 16 pairs; "after" bounds a single gain at `--bound`
standard deviations of the calibrated noise, which is 1 here. Both see the same gains, whose plain
mean is zero. In the last columns the gains are shifted until their bounded mean is zero: that is
what the rule promises. Where the bounded mean is above zero, a claim in the column "after" is true
of the bounded mean, and false of the plain one.

A second table is of costs: pairs, and the share detected, for true gains with normal noise. The
group-sequential t test spends its level as the root of the pairs; it is what the bounded e-value
was chosen over.
"""

import argparse
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from harness import options, save, share_error
from sequential import group_sequential

from ratchet.evals import Rule, judge
from ratchet.evals.judge.power import BOUND, ends

CLAIMS, JOB, SEARCHES_AT_ONCE, LARGE = 100, 16, 25, 1_000_000
BEFORE = Rule(look=16)
Array = np.ndarray[Any, np.dtype[np.float64]]
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]


def ties(share: float) -> Draw:
    """One up or one down, where not tied; of unit spread."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        step = np.where(rng.random(shape) < 0.5, 1.0, -1.0) / math.sqrt(1 - share)
        return np.where(rng.random(shape) < share, 0.0, step)

    return draw


def lognormal(width: float) -> Draw:
    """Worse by a log-normal value, of unit spread and mean zero."""
    mean = math.exp(width**2 / 2)
    spread = mean * math.sqrt(math.exp(width**2) - 1)
    return lambda rng, shape: (mean - np.exp(width * rng.standard_normal(shape))) / spread


def bimodal(share: float) -> Draw:
    """The parent solves it on a share of the seeds, the child is always as good as its mean.

    The unit is the spread of a difference of two such parents.
    """
    unit = math.sqrt(2 * share * (1 - share))

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        solved = (rng.random(shape) < share) + 0.01 * rng.standard_normal(shape)
        return (share - solved) / unit

    return draw


def losing(loss: float, seeds: int, noise: float = 1.0, gain: float | None = None) -> Draw:
    """Normal noise, and a loss on one seed in so many, made good on the others."""
    share = 1 / seeds
    made_good = loss * share / (1 - share) if gain is None else gain

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        fails = rng.random(shape) < share
        return np.where(fails, -loss, made_good) + noise * rng.standard_normal(shape)

    return draw


def jobs(correlation: float) -> Draw:
    """Normal gains; seeds that are trained in one job share some luck."""

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        job = np.repeat(rng.standard_normal((shape[0], shape[1] // JOB)), JOB, axis=1)
        own = rng.standard_normal(shape)
        return np.add(math.sqrt(1 - correlation) * own, math.sqrt(correlation) * job)

    return draw


NOISES: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    **{f"one up or down, {100 * s:.0f} % ties": ties(s) for s in (0.0, 0.5, 0.9, 0.98)},
    "t2": lambda rng, shape: rng.standard_t(2, shape),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "exponential, to the left": lambda rng, shape: 1 - rng.standard_exponential(shape),
    **{f"log-normal {w:g}, to the left": lognormal(w) for w in (0.5, 1.0, 1.5)},
    **{f"parent solves {100 * s:.0f} % of seeds": bimodal(s) for s in (0.3, 0.2, 0.1, 0.05)},
    **{
        f"loses {loss} sd on 1 seed in {seeds}": losing(loss, seeds)
        for loss, rates in {
            5: (10, 20, 50),
            10: (10, 20, 50),
            20: (20, 50, 100, 200),
            50: (50, 100, 200),
        }.items()
        for seeds in rates
    },
    **{f"steady +1 or -{k}": losing(k, k + 1, noise=0.0) for k in (4, 9, 19, 49)},
    **{f"seeds of a job correlate by {c:g}": jobs(c) for c in (0.02, 0.05, 0.1)},
}


def bounded_mean(values: Array, bound: float) -> float:
    """The mean of gains that count as at most `bound` either way."""
    return float(np.clip(values, -bound, bound).mean())


def shift_to_nil(values: Array, bound: float) -> float:
    """What to add to gains so that their bounded mean is zero, by bisection."""
    low, high = -2 * bound, 2 * bound
    for _ in range(40):
        middle = (low + high) / 2
        above = bounded_mean(values + middle, bound) > 0
        low, high = (low, middle) if above else (middle, high)
    return low


def levels(rule: Rule, count: int) -> Array:
    """The chances of error of the claims of a search in which none holds."""
    shares: Array = judge.level(rule, []) * np.arange(1.0, count + 1) ** -1.5
    return shares


def row(
    name: str, searches: int, seed: int, bound: float = BOUND, compare: bool = True
) -> dict[str, Any]:
    """Shares of searches with a false claim, before and after, and of first claims.

    The group-sequential t test is one more to `compare` with.
    """
    draw, after = NOISES[name], Rule(bound=bound)
    rng = np.random.default_rng([seed, list(NOISES).index(name)])
    sample = draw(rng, (LARGE // JOB // 16, 16 * JOB)).ravel()
    shift = shift_to_nil(sample, bound)
    level = levels(after, CLAIMS)
    claims = {kind: np.zeros((searches, CLAIMS), dtype=bool) for kind in ("before", "after", "nil")}
    sequential = 0
    for start in range(0, searches, SEARCHES_AT_ONCE):
        part = slice(start, min(start + SEARCHES_AT_ONCE, searches))
        count = part.stop - part.start
        gains = draw(rng, (count * CLAIMS, after.most))
        asked = {"before": (BEFORE, gains), "after": (after, gains), "nil": (after, gains + shift)}
        for kind, (rule, values) in asked.items():
            held = np.isfinite(ends(rule, values, np.tile(level, count)).confirmed)
            claims[kind][part] = held.reshape(count, CLAIMS)
        if compare:
            clipped = np.clip(gains + shift, -bound, bound)
            sequential += group_sequential(clipped, level[0])[0].sum()
    return {
        "mean": bounded_mean(sample, bound),
        **{kind: share_error(int(held.any(1).sum()), searches) for kind, held in claims.items()},
        "first": float(claims["nil"][:, 0].mean()),
        "sequential": float(sequential / (searches * CLAIMS)),
    }


def costs(seed: int, trials: int, bound: float) -> dict[str, dict[str, tuple[float, float]]]:
    """Pairs and detected share of true gains, for each rule, gain and level."""
    level = levels(Rule(), 5)
    rules = {"before": BEFORE, "before, looks every 8": Rule()}
    for times in (1.0, 1.6, 0.6):
        child = "" if times == 1 else f", child {times:g} times as noisy"
        rules[f"after{child}"] = Rule(bound=bound / times)
    rules |= {f"bound {b:g} sd": Rule(bound=b) for b in (3.0, 5.0, 6.0, 10.0, 20.0)}
    noise = np.random.default_rng(seed).standard_normal((trials, Rule().most))
    table: dict[str, dict[str, tuple[float, float]]] = {}
    for gain in (0.0, 0.25, 0.5, 1.0):
        for place, k in (("1st", 0), ("5th", 4)):
            cell = f"{gain:g} sd, {place}"
            for name, rule in rules.items():
                end = ends(rule, noise + gain, float(level[k]))
                share = float(np.isfinite(end.confirmed).mean())
                table.setdefault(name, {})[cell] = (float(end.stopped.mean()), share)
            held, pairs = group_sequential(noise + gain, level[k])
            cells = table.setdefault("group-sequential t, never given up", {})
            cells[cell] = (float(pairs.mean()), float(held.mean()))
    return table


def main() -> None:
    """Print both tables."""
    parser = options(__doc__, searches=1000)
    parser.add_argument("--bound", type=float, default=BOUND, help="in sd of the calibrated noise")
    parser.add_argument("--quick", action="store_true", help="100 searches a row")
    parser.add_argument("--noises", nargs="+", default=list(NOISES), choices=list(NOISES))
    asked = parser.parse_args()
    asked.searches = 100 if asked.quick else asked.searches
    figures = {"errors": errors(asked), "costs": costs(asked.first_seed, 2000, asked.bound)}
    print(
        "\npairs (share detected) of a true gain with normal noise, in sd, at the 1st or 5th claim"
    )
    for name, cells in figures["costs"].items():
        print(f"{name:36s}", *(f"{n:5.0f} ({share:.2f})" for n, share in cells.values()))
    save(asked, figures)


def errors(asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The table of errors, printed row by row."""
    print(f"share of {asked.searches} searches of {CLAIMS} untrue claims that make a false one")
    print(f"{'':34s}{'plain mean nil':>26s}{'bounded':>9s}{'bounded mean nil':>34s}")
    heads = f"{'before':>13s}{'after':>13s}{'mean':>9s}{'after':>14s}{'1st':>8s}{'seq. t':>9s}"
    print(f"{'':34s}{heads}")
    rows = {}
    for name in asked.noises:
        cells = rows[name] = row(name, asked.searches, asked.first_seed, asked.bound)
        before, after, nil = (
            f"{cells[kind][0]:.3f} ± {cells[kind][1]:.3f}" for kind in ("before", "after", "nil")
        )
        last = f"{cells['mean']:+8.3f}  {nil}  {cells['first']:.3f}  {cells['sequential']:.3f}"
        print(f"{name:33s} {before} {after} {last}", flush=True)
    return rows


if __name__ == "__main__":
    main()
