"""How good is the node that a run ranks first? Shrunken sums against least squares.

    python bench/ranks.py

Trees of some kept nodes are grown by Ratchet's own judge: proposals from any node of the tree, half
of them good, are put to fresh seeds. What holds is kept, and run on the common seeds. True scores
are known. The regret is how much better the truly best kept node is than the one ranked first. All
ways to rank see the same trees. Unit: sd of one seed's noise.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from statistics import fmean
from typing import Any, Literal, NamedTuple

import numpy as np
from harness import mean_error, options, save, share_error

from ratchet.archive import Evidence, Node, Tree
from ratchet.evals import COMMON, Candidate, Claim, Rule, Verdict, judge
from ratchet.evals.judge import Effect

GOOD, GAIN, MARGIN = 0.5, 0.15, 0.02
Scores = np.ndarray[tuple[int], np.dtype[np.float64]]
Ranks = Mapping[int, Effect]


class Row(NamedTuple):
    """How many nodes are kept, and how much of their noise is that of shared seeds."""

    kept: int
    design: Literal["paired", "unpaired"]
    rho: float = 0.0


ROWS = (Row(10, "paired", 0.88), Row(4, "unpaired"), Row(10, "unpaired"), Row(25, "unpaired"))


class Grown:
    """A tree of kept nodes as a search would leave it, beside the true score of each."""

    def __init__(self, row: Row, seed: int) -> None:
        """Grow it, proposal by proposal."""
        self.row, self.rng, self.noise = row, Random(seed), np.random.default_rng(seed)
        self.rule = Rule(design=row.design)
        self.seeds = self._draw(self.rule.estimate)
        self.true: dict[int, float] = {}
        self.common: dict[int, Scores] = {}
        self.nodes: list[Node] = []
        self._keep(0, 0.0)
        self._add(None, None)
        while len(self.true) <= row.kept:
            self._propose()

    def _draw(self, count: int) -> Scores:
        return self.noise.standard_normal(count)

    def _scores(self, true: float, shared: Scores) -> Scores:
        rho = self.row.rho
        return true + math.sqrt(rho) * shared + math.sqrt(1 - rho) * self._draw(len(shared))

    def _keep(self, number: int, true: float) -> None:
        self.true[number] = true
        self.common[number] = self._scores(true, self.seeds)

    def _propose(self) -> None:
        """Put a proposal to fresh seeds, and keep it if its claim holds."""
        number, parent = len(self.nodes), self.rng.choice(list(self.true))
        good = self.rng.random() < GOOD
        true = self.true[parent] + (self.rng.expovariate(1 / GAIN) if good else 0.0)
        shared = self._draw(self.rule.most)
        apart = shared if self.row.design == "paired" else self._draw(self.rule.most)
        own, rival = self._scores(true, shared), self._scores(self.true[parent], apart)
        gains = (own - rival).tolist()
        level = judge.level(
            self.rule, [c for n in self.nodes if n.verdict for c in n.verdict.claims]
        )
        tested = judge.sequential_test(self.rule, MARGIN, level, lambda count: gains[:count])
        sides = [judge.summary(side[: tested.pairs].tolist()) for side in (own, rival)]
        claim = Claim(
            says="better",
            versus=parent,
            held=tested.held,
            turn=number,
            level=level,
            log_e=tested.log_e,
            stream=f"confirm/{number}",
            pairs=tested.pairs,
            evidence="",
            gain=judge.summary(tested.gains),
            scores=(sides[0], sides[1]) if self.row.design == "unpaired" else None,
        )
        if claim.held:
            self._keep(number, true)
        self._add(parent, claim)

    def _add(self, parent: int | None, claim: Claim | None) -> None:
        number = len(self.nodes)
        more: dict[str, Any] = {}
        verdict = None
        if claim is not None:
            standing: Any = "confirmed" if claim.held else "refuted"
            verdict = Verdict(standing=standing, reason="", claims=(claim,), rule=self.rule)
        if number in self.common:
            own = self.common[number]
            over_start = judge.summary((own - self.common[0]).tolist())
            more = {
                "gain": over_start.mean,
                "gain_error": over_start.error,
                "common": (over_start,),
            }
            if verdict is not None and parent is not None:
                step = judge.estimate((own - self.common[parent]).tolist())
                verdict = verdict.model_copy(update={"estimate": step})
        self.nodes.append(
            Node(
                run="bench",
                number=number,
                turn=number,
                parent=parent,
                kind="start" if parent is None else "candidate",
                name="",
                candidate=Candidate(files={"program.py": ""}, idea="", proposer="bench"),
                canonical=str(number),
                behaviour=None,
                evidence=(Evidence(stream=COMMON, count=self.rule.estimate),),
                verdict=verdict,
                environment="",
                isolation="container",
                **more,
            )
        )


def shrinking(tree: Tree) -> Tree:
    """The same nodes as in a run that ranks by shrunken gains, as those of older versions do."""
    nodes = []
    for node in tree:
        verdict = node.verdict
        if verdict is not None and verdict.rule is not None:
            rule = verdict.rule.model_copy(update={"ranks": "shrunken"})
            verdict = verdict.model_copy(update={"rule": rule})
        nodes.append(node.model_copy(update={"verdict": verdict}))
    return Tree(nodes)


class Choice(NamedTuple):
    """What one way of ranking chose in one tree."""

    regret: float
    error: float
    covered: list[bool]


def choices(row: Row, seed: int) -> Iterator[tuple[str, Choice]]:
    """What each way of ranking makes of one tree."""
    grown = Grown(row, seed)
    tree = Tree(grown.nodes)
    before = shrinking(tree)
    ways = {"shrunken": before.ranks, "common seeds": before.effects, "least squares": tree.ranks}
    for way, ranks in ways.items():
        yield way, chosen(ranks, grown.true)


def chosen(ranks: Ranks, true: Mapping[int, float]) -> Choice:
    """The kept node of the highest rank, beside the truly best."""
    kept = [number for number in true if number]
    best = max(kept, key=lambda number: ranks[number].gain)
    inside = [abs(ranks[n].gain - true[n]) <= 1.96 * ranks[n].error for n in kept]
    regret = max(true[number] for number in kept) - true[best]
    return Choice(regret, ranks[best].gain - true[best], inside)


def summed(picks: Sequence[Choice]) -> dict[str, float]:
    """Mean regret, error of the chosen's gain, and how often 1.96 errors cover the truth."""
    regret, error = mean_error([pick.regret for pick in picks])
    bias, bias_error = mean_error([pick.error for pick in picks])
    covered = [inside for pick in picks for inside in pick.covered]
    cover, cover_error = share_error(sum(covered), len(covered))
    return {
        "regret": regret,
        "regret_se": error,
        "bias": bias,
        "bias_se": bias_error,
        "rms": fmean(pick.error**2 for pick in picks) ** 0.5,
        "coverage": cover,
        "coverage_se": cover_error,
    }


def main() -> None:
    """Print the regret of each way to rank, tree by tree the same."""
    asked = options(__doc__, searches=1500).parse_args()
    figures = {}
    for row in ROWS:
        picks: dict[str, list[Choice]] = {}
        for number in range(asked.searches):
            for way, choice in choices(row, asked.first_seed + number):
                picks.setdefault(way, []).append(choice)
        name = f"{row.kept}, {row.design}" + (f", rho {row.rho:g}" if row.rho else "")
        figures[name] = {way: summed(some) for way, some in picks.items()}
        show(name, figures[name])
    save(asked, figures)


def show(name: str, cells: Mapping[str, Mapping[str, float]]) -> None:
    """One row of the table."""
    print(name)
    for way, cell in cells.items():
        print(
            f"  {way:14s} regret {cell['regret']:.4f} ± {cell['regret_se']:.4f}  chosen: bias"
            f" {cell['bias']:+.3f} ± {cell['bias_se']:.3f}, rms error {cell['rms']:.3f}"
            f"  covered {cell['coverage']:.3f} ± {cell['coverage_se']:.3f}"
        )


if __name__ == "__main__":
    main()
