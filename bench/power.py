"""What a true gain costs to find, against a paired t test of fixed size and the same power.

    python bench/power.py --plot docs/statistics/power.svg

A cell is a true gain, in sd of one seed's noise, and a correlation of paired seeds. Three tables:
confirmations of true gains; confirmations of a stream of which 60 % do nothing, 20 % harm by as
much, and 20 % gain; and the whole rule, screen and confirmation, over that stream against a test of
fixed size for every candidate. The fixed test is one-sided, at the same level, and its size the
smallest that detects as often. A pair is one seed of child and parent.
"""

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from harness import chart, mean_error, options, save, share_error
from noise import RHO, Book, correlated, gains, screened, suited, tested
from scipy.stats import nct, t

from ratchet.evals import Rule, judge

GAINS = (0.1, 0.2, 0.5, 1.0)
SHARES = {"none": 0.6, "harm": 0.2, "gain": 0.2}


class Cell(NamedTuple):
    """Detected share and mean pairs of a sequential rule, with errors; pairs of the fixed test."""

    detected: float
    detected_se: float
    pairs: float
    pairs_se: float
    fixed: float

    @property
    def ratio(self) -> float:
        """Pairs over those of the fixed test."""
        return self.pairs / self.fixed


def levels(rule: Rule) -> dict[str, float]:
    """The chance of error of the first claim of a run, and of the fifth if none held before."""
    book = Book(rule)
    first = judge.level(rule, book.claims)
    for _ in range(4):
        book.test([-1.0, -1.1] * (rule.most // 2))
    return {"1st": first, "5th": judge.level(rule, book.claims)}


def detection(n: int, effects: Sequence[float], level: float) -> float:
    """The power of the fixed test, on average over standardised effects."""
    critical = t.isf(level, n - 1)
    return float(np.mean(nct.sf(critical, n - 1, math.sqrt(n) * np.array(effects))))


def fixed_size(detected: float, effects: Sequence[float], level: float) -> float:
    """The smallest size whose power is that; none where the rule detects nothing."""
    if detected <= 0:
        return math.nan
    low, high = 2, 4
    while detection(high, effects, level) < detected:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = detection(middle, effects, level) >= detected
        low, high = (low, middle) if enough else (middle, high)
    return high


def matched(confirmed: int, of: int) -> float:
    """The power to match: where everything was detected, that of half a miss."""
    return min(confirmed, of - 0.5) / of


def spread(rho: float) -> float:
    """The sd of a paired difference."""
    return math.sqrt(2 * (1 - rho))


def fresh(rng: np.random.Generator, rho: float, count: int, pairs: int) -> Any:
    """Gains of candidates without effect, to which effects are added."""
    return gains(correlated(rho), rng, (count, pairs))


def confirmations(
    rule: Rule, gain: float, rho: float, level: float, count: int, rng: np.random.Generator
) -> tuple[Cell, Cell]:
    """Confirmations of a true gain, and of the stream it is part of."""
    tests, rule = {}, suited(rule, rho)
    for kind, effect in (("gain", gain), ("none", 0.0), ("harm", -gain)):
        values = (fresh(rng, rho, count, rule.most) + effect).tolist()
        tests[kind] = [tested(rule, fresh_gains, level) for fresh_gains in values]
    confirmed = sum(test.held for test in tests["gain"])
    share, error = share_error(confirmed, count)
    fixed = fixed_size(matched(confirmed, count), [gain / spread(rho)], level)
    pairs = {kind: mean_error([test.pairs for test in ends]) for kind, ends in tests.items()}
    mean = sum(SHARES[kind] * pairs[kind][0] for kind in pairs)
    mean_se = math.sqrt(sum((SHARES[kind] * pairs[kind][1]) ** 2 for kind in pairs))
    alone = Cell(share, error, pairs["gain"][0], pairs["gain"][1], fixed)
    return alone, Cell(share, error, mean, mean_se, fixed)


def pipeline(
    rule: Rule,
    sizes: Sequence[float],
    rho: float,
    level: float,
    count: int,
    rng: np.random.Generator,
    harm: float | None = None,
) -> tuple[Cell, float]:
    """The whole rule over a stream whose gains have these sizes, and its ratio in seeds run.

    Harm is as large as the gain, or exponential with the mean `harm`. Screens run the child alone,
    since all children of a parent share its seeds; the fixed test runs both.
    """
    sample, rule = rng.choice(np.array(sizes), count), suited(rule, rho)
    lost = sample if harm is None else rng.exponential(harm, count)
    kind = rng.choice(3, count, p=list(SHARES.values()))
    effects = np.select([kind == 1, kind == 2], [-lost, sample], 0.0)
    history: list[float] = []
    screens, pairs, confirmed, true = [], [], 0, 0
    for effect in effects.tolist():
        values = (fresh(rng, rho, 1, rule.screen)[0] + effect).tolist()
        taken, t = screened(rule, values)
        used = 0
        if math.isfinite(t) and judge.promising(rule, t, history):
            end = tested(rule, (fresh(rng, rho, 1, rule.most)[0] + effect).tolist(), level)
            used, confirmed = end.pairs, confirmed + (end.held and effect > 0)
        history.append(judge.t_statistic(values[:taken]))
        true += effect > 0
        screens.append(taken)
        pairs.append(used)
    share, error = share_error(confirmed, max(true, 1))
    fixed = fixed_size(matched(confirmed, true), [size / spread(rho) for size in sizes], level)
    runs = np.mean(screens) + 2 * np.mean(pairs)
    both = mean_error([a + b for a, b in zip(screens, pairs, strict=True)])
    return Cell(share, error, both[0], both[1], fixed), float(runs / (2 * fixed))


def show(title: str, rho: float, place: str, cell: Cell, runs: float | None = None) -> None:
    """One line of a table."""
    tail = "" if runs is None else f"  in seeds run {runs:.2f}"
    print(
        f"  {title:18s} rho {rho:.2f} {place} level  detected {cell.detected:.3f} ± "
        f"{cell.detected_se:.3f}  pairs {cell.pairs:6.1f} ± {cell.pairs_se:.1f}"
        f"  fixed n {cell.fixed:5.0f}  ratio {cell.ratio:.2f}{tail}",
        flush=True,
    )


def main() -> None:
    """Print the three tables."""
    asked = options(__doc__, searches=4000).parse_args()
    rule, rng = Rule(), np.random.default_rng(asked.first_seed)
    cells = [
        (gain, rho, place, level)
        for place, level in levels(rule).items()
        for rho in (RHO, 0.0)
        for gain in GAINS
    ]
    count = asked.searches
    both = [confirmations(rule, gain, rho, level, count, rng) for gain, rho, _, level in cells]
    print(f"confirmations of a true gain; {count} a line")
    for (gain, rho, place, _), (alone, _) in zip(cells, both, strict=True):
        show(f"gain {gain:g} sd", rho, place, alone)
    print("confirmations of the stream (60 % nothing, 20 % harm, 20 % gain)")
    for (gain, rho, place, _), (_, stream) in zip(cells, both, strict=True):
        show(f"± {gain:g} sd", rho, place, stream)
    print("screen and confirmation of the stream, against the fixed test for every candidate")
    figures: dict[str, Any] = {}
    for (gain, rho, place, level), (alone, stream) in zip(cells, both, strict=True):
        whole, runs = pipeline(rule, [gain], rho, level, 5 * count, rng)
        show(f"± {gain:g} sd", rho, place, whole, runs)
        figures[f"{gain:g} | {rho:g} | {place}"] = {
            "alone": figures_of(alone),
            "stream": figures_of(stream),
            "whole": {**figures_of(whole), "runs": runs},
        }
    for rho in (RHO, 0.0):
        for place, level in levels(rule).items():
            whole, runs = pipeline(rule, GAINS, rho, level, 5 * count, rng, harm=1.0)
            show("mixed sizes", rho, place, whole, runs)
            figures[f"mixed | {rho:g} | {place}"] = {"whole": {**figures_of(whole), "runs": runs}}
    save(asked, figures)
    if asked.plot:
        plot(asked, figures)


def figures_of(cell: Cell) -> dict[str, float]:
    """A cell with its ratio, for the file of figures."""
    return {**cell._asdict(), "ratio": cell.ratio}


def plot(asked: argparse.Namespace, figures: Mapping[str, Any]) -> None:
    """Pairs for a candidate against the true gain, at the fifth level with paired seeds."""
    rows = [figures[f"{gain:g} | {RHO:g} | 5th"] for gain in GAINS]
    lines = {
        "confirmation of every candidate": [row["stream"]["pairs"] for row in rows],
        "fixed test of its power": [row["stream"]["fixed"] for row in rows],
        "screen, then confirmation": [row["whole"]["pairs"] for row in rows],
        "fixed test of their power": [row["whole"]["fixed"] for row in rows],
    }
    chart(
        asked.plot,
        GAINS,
        lines,
        "true gain of the good fifth (noise sd of one seed)",
        "mean pairs of seeds for a candidate",
        low=0.0,
    )


if __name__ == "__main__":
    main()
