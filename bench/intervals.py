"""Does the reported interval cover the truth, and is the reported gain too high?

    python bench/intervals.py --plot docs/statistics/coverage.svg

Whole searches by Ratchet's own code on a landscape whose true scores are known (landscape.py), then
its report. Each way to say how large a gain is is compared with the true gain, over all confirmed
nodes and over the best of each run, which was selected twice. Unit: sd of one seed's noise.
"""

import argparse
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from harness import dots, mean_error, options, save, share_error
from landscape import Landscape, Searched, read, searched
from ranks import shrinking

from ratchet.archive import Node, Tree
from ratchet.evals import Estimate, draw, judge
from ratchet.evals.judge import Effect
from ratchet.search.studies.report import SEEDS, report


class Miss(NamedTuple):
    """How far an estimate was from the truth, and whether its interval, if any, covers it."""

    error: float
    covered: bool | None = None


Misses = dict[str, Miss]


def miss(estimate: Estimate, truth: float) -> Miss:
    """Of an estimate with its interval."""
    return Miss(estimate.gain - truth, estimate.low <= truth <= estimate.high)


def ranked(effect: Effect, truth: float) -> Miss:
    """Of a gain over the start by all seeds, with the interval of 1.96 standard errors."""
    error = effect.gain - truth
    return Miss(error, abs(error) <= 1.96 * effect.error)


def true(node: Node) -> float:
    """The true score of a node."""
    score: float = read(node.candidate)[1]
    return score


def over_parent(simulated: Searched, tree: Tree, node: Node) -> Misses:
    """Every estimate of a confirmed node's gain over its parent."""
    assert node.parent is not None
    assert node.verdict is not None
    assert node.verdict.screen is not None
    assert node.verdict.estimate is not None
    parent = tree[node.parent]
    truth = true(node) - true(parent)
    claim = node.verdict.claims[0]
    stopped = compared(simulated, node, parent, claim.stream, claim.pairs)
    sealed = compared(simulated, node, parent, "report/1", SEEDS["dev"])
    ranks, before = tree.ranking, shrinking(tree).ranking
    return {
        "screen": Miss(node.verdict.screen.mean - truth),
        "mean where confirmation stopped": miss(judge.estimate(stopped), truth),
        "common seeds": miss(node.verdict.estimate, truth),
        "shrunken, as older runs rank": Miss(before[node.number] - before[parent.number] - truth),
        "least squares, for ranking": Miss(ranks[node.number] - ranks[parent.number] - truth),
        "64 sealed seeds": miss(judge.estimate(sealed), truth),
    }


def compared(simulated: Searched, node: Node, rival: Node, stream: str, count: int) -> list[float]:
    """Gains on the first seeds of a stream."""
    seeds = draw(simulated.run.config.keys, stream, count)
    child, other = (simulated.lab.evaluate(n.candidate, stream, seeds) for n in (node, rival))
    return judge.gains(child, other, simulated.run.task.metric)


def over_start(simulated: Searched, tree: Tree, best: Node) -> Misses:
    """Every estimate of the best node's gain over the start; the report is the real one."""
    read_once = report(simulated.run.archive.run(), simulated.run.lab, simulated.run.archive, 1)
    assert read_once is not None
    assert best.gain is not None
    truth = true(best) - true(tree[0])
    return {
        "common seeds": Miss(best.gain - truth),
        "shrunken, as older runs rank": Miss(shrinking(tree).ranking[best.number] - truth),
        "least squares, for ranking": ranked(tree.ranks[best.number], truth),
        "report": miss(read_once.dev["start"], truth),
    }


GROUPS = (
    "every confirmed node, over its parent",
    "the best of a run, over its parent",
    "the best of a run, over the start",
)


def search_once(land: Landscape, proposals: int) -> dict[str, list[Misses]]:
    """One search and its report."""
    with searched(land, lambda children, seeds: children < proposals) as simulated:
        tree = simulated.tree
        every = [over_parent(simulated, tree, node) for node in tree.confirmed()]
        best = tree.best()
        if best is None:
            return {group: [] for group in GROUPS}
        one = [over_parent(simulated, tree, best)]
        return dict(zip(GROUPS, (every, one, [over_start(simulated, tree, best)]), strict=True))


def summed(misses: Sequence[Misses]) -> dict[str, dict[str, float]]:
    """Mean error and coverage of each estimate, with standard errors."""
    rows = {}
    for name in misses[0]:
        bias, error = mean_error([miss[name].error for miss in misses])
        size = fmean(miss[name].error ** 2 for miss in misses) ** 0.5
        rows[name] = {"bias": bias, "bias_se": error, "rms": size}
        inside = [miss[name].covered for miss in misses if miss[name].covered is not None]
        if inside:
            cover, cover_error = share_error(sum(map(bool, inside)), len(inside))
            rows[name] |= {"coverage": cover, "coverage_se": cover_error}
    return rows


def gather(first: int, count: int, proposals: int, gain: float) -> dict[str, list[Misses]]:
    """Search after search."""
    groups: dict[str, list[Misses]] = {group: [] for group in GROUPS}
    for number in range(count):
        by_group = search_once(Landscape(first + number, gain=gain), proposals)
        for group, misses in by_group.items():
            groups[group] += misses
    return groups


def main() -> None:
    """Print bias and coverage of every estimate."""
    parser = options(__doc__, searches=1000)
    parser.add_argument("--proposals", type=int, default=100)
    parser.add_argument("--gain", type=float, default=0.3, help="mean gain of the good, noise sd")
    asked = parser.parse_args()
    groups = gather(asked.first_seed, asked.searches, asked.proposals, asked.gain)
    print(f"{asked.searches} searches of {asked.proposals} proposals; noise sd of one seed")
    results = {}
    for group, misses in groups.items():
        print(f"{group} ({len(misses)})")
        if not misses:
            continue
        results[group] = summed(misses)
        for name, cell in results[group].items():
            cover = (
                f"  covered {cell['coverage']:.3f} ± {cell['coverage_se']:.3f}"
                if "coverage" in cell
                else ""
            )
            print(
                f"  {name:32s} bias {cell['bias']:+.4f} ± {cell['bias_se']:.4f}"
                f"  rms error {cell['rms']:.3f}{cover}"
            )
    save(asked, results)
    if asked.plot:
        plot(asked, results)


def plot(
    asked: argparse.Namespace, results: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> None:
    """Mean bias of the estimates of gains over parents."""
    shown = {group: rows for group, rows in results.items() if "64 sealed seeds" in rows}
    names = list(next(iter(shown.values())))
    dots(
        asked.plot,
        names,
        {
            group: [(rows[name]["bias"], rows[name]["bias_se"]) for name in names]
            for group, rows in shown.items()
        },
        "mean error ± se (noise sd of one seed)",
        level=0.0,
    )


if __name__ == "__main__":
    main()
