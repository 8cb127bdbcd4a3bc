"""How often does a search without any effect promote something? Acceptance rules side by side.

    python bench/null_rules.py --plot docs/statistics/null_rules.svg

Every proposal is exactly as good as its parent; a search is 300 of them. Ratchet's rule is asked of
`ratchet.evals.judge`, with the schedule `fixed`; the other rules see noise of the same model. Seeds
are those run for the child and, where the rule runs it again, for the parent.
"""

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from harness import dots, mean_error, options, save, share_error
from noise import MODELS, RHO, Book, Draw, gains, screened, suited
from scipy.special import stdtr

from ratchet.evals import Rule, judge

Results = Mapping[str, Mapping[str, Mapping[str, float]]]  # by model, rule and figure


class RuleOutcome(NamedTuple):
    """Of one search: false promotions, and seeds run for a candidate."""

    false: int
    seeds: float


def ours(
    draw: Draw, rng: np.random.Generator, proposals: int, rule: Rule
) -> dict[str, RuleOutcome]:
    """Ratchet's screen, and four ways to go on from it with the same gains."""
    books = {
        "Ratchet, familywise": Book(rule),
        "Ratchet, fdr": Book(rule.model_copy(update={"control": "fdr"})),
        "e-value, no multiplicity": Book(rule),
    }
    raced = race_seeds = seeds = 0
    history: list[float] = []
    values = gains(draw, rng, (proposals, rule.screen)).tolist()
    for screen in values:
        taken, t = screened(rule, screen)
        seeds += taken
        if math.isfinite(t) and judge.promising(rule, t, history):
            fresh = gains(draw, rng, (rule.most,)).tolist()
            for name, book in books.items():
                book.test(fresh, rule.alpha if name.startswith("e-value") else None)
            more = gains(draw, rng, (rule.race - rule.screen,)).tolist()
            raced += judge.race(rule, [*screen, *more])
            race_seeds += 2 * (rule.race - rule.screen)
        history.append(judge.t_statistic(screen[:taken]))
    outcomes = {
        name: RuleOutcome(
            sum(claim.held for claim in book.claims), (seeds + 2 * book.pairs) / proposals
        )
        for name, book in books.items()
    }
    return {
        **outcomes,
        "race, t test p < .05": RuleOutcome(raced, (seeds + race_seeds) / proposals),
    }


def record(draw: Draw, rng: np.random.Generator, proposals: int, seeds: int) -> RuleOutcome:
    """Keep whatever has a higher mean than the best so far had."""
    child, parent = draw(rng, (proposals + 1, seeds))
    means = child.mean(axis=1)
    means[0] = parent[0].mean()  # the start
    best = np.maximum.accumulate(means)
    return RuleOutcome(int((best[1:] > best[:-1]).sum()), seeds)


def paired_t(draw: Draw, rng: np.random.Generator, proposals: int, seeds: int) -> RuleOutcome:
    """Keep what a paired t test on fresh seeds finds better with p < .05, one-sided."""
    values = gains(draw, rng, (proposals, seeds))
    spread = values.std(axis=1, ddof=1)
    t = values.mean(axis=1) / np.where(spread > 0, spread, np.inf) * math.sqrt(seeds)
    return RuleOutcome(int((1 - stdtr(seeds - 1, t) < 0.05).sum()), 2 * seeds)


def null_search(
    draw: Draw, rng: np.random.Generator, proposals: int, rule: Rule
) -> dict[str, RuleOutcome]:
    """One search under every rule."""
    return {
        **ours(draw, rng, proposals, rule),
        "single score > best": record(draw, rng, proposals, 1),
        "mean of 8 > best": record(draw, rng, proposals, 8),
        "paired t, n = 16, p < .05": paired_t(draw, rng, proposals, 16),
    }


def searches(
    model: str, count: int, proposals: int, seed: int, rule: Rule
) -> dict[str, list[RuleOutcome]]:
    """Searches under one model of noise, each from a generator of its own."""
    by_rule: dict[str, list[RuleOutcome]] = {}
    rule = suited(rule, RHO if model == "correlated seeds (.88)" else 0.0)
    for number in range(count):
        rng = np.random.default_rng([seed + number, sorted(MODELS).index(model)])
        for name, outcome in null_search(MODELS[model], rng, proposals, rule).items():
            by_rule.setdefault(name, []).append(outcome)
    return by_rule


def figures(by_rule: Mapping[str, Sequence[RuleOutcome]]) -> dict[str, dict[str, float]]:
    """Of each rule: share of searches with a false promotion, false ones and seeds, with errors."""
    rows = {}
    for name, outcomes in by_rule.items():
        share, error = share_error(sum(o.false > 0 for o in outcomes), len(outcomes))
        false, false_error = mean_error([o.false for o in outcomes])
        rows[name] = {
            "any": share,
            "any_se": error,
            "false": false,
            "false_se": false_error,
            "seeds": mean_error([o.seeds for o in outcomes])[0],
        }
    return rows


def main() -> None:
    """Run the searches and print a table for each model of noise."""
    parser = options(__doc__, searches=1000)
    parser.add_argument("--proposals", type=int, default=300)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    asked = parser.parse_args()
    rule, results = Rule(), {}
    print(f"{asked.searches} searches of {asked.proposals} proposals without effect")
    print(f"{'':27s} any false ± se    false a search   seeds a candidate")
    for model in asked.models:
        start = time.monotonic()
        by_rule = searches(model, asked.searches, asked.proposals, asked.first_seed, rule)
        results[model] = figures(by_rule)
        print(f"{model} ({time.monotonic() - start:.0f} s)", flush=True)
        for name, row in results[model].items():
            print(
                f"  {name:25s} {row['any']:8.3f} ± {row['any_se']:.3f}"
                f" {row['false']:9.3f} ± {row['false_se']:.3f} {row['seeds']:10.1f}"
            )
        ratio = results[model]["single score > best"]["any"] / max(
            results[model]["Ratchet, familywise"]["any"], 1 / asked.searches
        )
        print(f"  false searches, single score over familywise: at least {ratio:.0f} times")
    save(asked, results)
    if asked.plot:
        plot(asked, results, rule.alpha)


def plot(
    asked: argparse.Namespace,
    results: Mapping[str, Mapping[str, Mapping[str, float]]],
    alpha: float,
) -> None:
    """Share of searches with a false promotion, by model and rule."""
    rules = list(next(iter(results.values())))
    dots(
        asked.plot,
        list(results),
        {
            rule: [(row[rule]["any"], row[rule]["any_se"]) for row in results.values()]
            for rule in rules
        },
        "share of searches with a false promotion; dashed: alpha",
        level=alpha,
    )


if __name__ == "__main__":
    main()
