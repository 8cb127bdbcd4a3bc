"""Does it pay to learn what pays? Fixed weights against the bandit of `evolver`, without training.

    python bench/yields.py --searches 150 --proposals 100 --first-seed 1001

Proposals are drawn as the evolver draws edits and motifs of `optimizer`, from the shipped Muon and
the start. Nothing is woven in. What becomes of them is drawn too: on each landscape every kind of
edit and every motif has chances of its own to be invalid, to ruin the program and to gain. One
motif in six pays, and some pay on one of the two programs alone. Screens are drawn by the rule of a
search, with four seeds and then sixteen. The tree that proposals are made from lags by three. With
`prior` the bandit begins with what two earlier searches with fixed weights taught on the same
landscape.

`better` is the share of proposals whose true gain is a quarter of the noise of one seed or more.
Ratios are to fixed weights, over the same landscapes, with jackknife standard errors.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from statistics import fmean, stdev
from typing import NamedTuple

from harness import mean_error, options, save

from ratchet.agents.evolve.credit import NOTE, Credit, Totals, arms, noted, totals
from ratchet.agents.evolve.factors import DRIFTS
from ratchet.agents.evolve.guide import BY_HAND, Guide
from ratchet.agents.evolve.learned import Taught, merged
from ratchet.agents.evolve.thompson import Thompson
from ratchet.agents.evolver import COUNTS, WEIGHTS
from ratchet.archive import Evidence, Node, Tree
from ratchet.evals import Candidate, Rule, Summary, Verdict
from ratchet.tasks import load
from ratchet.tasks.motifs import Motif

TASK = load("optimizer")
RULE = Rule()
SD = 0.02  # noise of one seed's gain, nats
LAG = 3  # proposals that a proposal does not see yet
PAYS, GAIN = 1 / 6, 0.5  # share of motifs that pay, and what they gain at best, in SD
ALONE = 0.3  # chance that a motif pays on one program alone
# Shares of edits that were invalid, and that a glance killed, in three recorded searches. Here half
# of it is the edit's own, as its motif has harm of its own too.
HARM: Mapping[str, tuple[float, float]] = {
    "value motif": (0.22, 0.46),
    "constant": (0.13, 0.33),
    "crossover": (0.37, 0.47),
    "reuse": (0.31, 0.66),
    "readout motif": (0.09, 0.26),
    "parameter motif": (0.21, 0.26),
    "scalar motif": (0.10, 0.37),
    "deletion": (0.25, 0.61),
}
OTHER = (0.2, 0.4)
FAMILIES = ("start", "muon")
MUON = 0.7  # share of proposals that are made from Muon
COUNTS_FROM = 0.25  # a gain from which a proposal counts as better, in SD
PLANTED = Candidate(files={"a.py": ""}, idea="", proposer="task")
MOTIFS: Mapping[str, list[Motif]] = {
    "factor": [motif for motif in (*TASK.motifs.motifs, *DRIFTS) if motif.group == "factor"],
    **{
        f"{group} motif": [motif for motif in TASK.motifs.motifs if motif.group == group]
        for group in ("value", "scalar", "parameter", "readout")
    },
}


class Chances(NamedTuple):
    """What an edit or a motif does: how often it breaks or ruins a program, gains, and how much."""

    invalid: float
    ruined: float
    gains: float
    gain: float


class Outcome(NamedTuple):
    """Shares of the proposals of one search, and their mean gain where they were measured."""

    harmed: float
    measured: float
    promising: float
    better: float


class Landscape:
    """What becomes of edits and motifs; equal seeds make equal ones."""

    def __init__(self, seed: int) -> None:
        """Nothing is known of it yet."""
        self.seed = seed

    def chances(self, arm: tuple[str, str], family: str) -> Chances:
        """The chances of an edit or a motif on a program of a family."""
        rng = Random(f"{self.seed}/{arm}")
        if arm[0] == "edit":
            invalid, ruined = HARM.get(arm[1], OTHER)
            spread = rng.uniform(0.5, 1.2)
            return Chances(invalid / 2 * spread, ruined / 2 * spread, rng.uniform(0, 0.15), GAIN)
        harm, pays = rng.uniform(0, 0.7), rng.random() < PAYS
        if rng.random() < ALONE and rng.choice(FAMILIES) != family:
            pays = False
        if pays:
            return Chances(0.0, harm / 4, rng.uniform(0.3, 0.7), rng.uniform(0.5, 1.5) * GAIN)
        return Chances(0.0, harm, 0.02, GAIN)

    def child(self, number: int, parent: Node, made: Candidate, rng: Random) -> tuple[Node, float]:
        """The node of a proposal as its screen leaves it, and its true gain in SD."""
        parts = sorted(arm for arm in arms(made.notes[NOTE]) if arm[0] != "place")
        drawn = [(self.chances(arm, parent.name), rng.random(), rng.random()) for arm in parts]
        verdict, true = Verdict(standing="no gain", reason=""), -math.inf
        if any(luck < chances.invalid for chances, luck, _ in drawn):
            verdict = Verdict(standing="invalid", reason="")
        elif all(luck >= chances.invalid + chances.ruined for chances, luck, _ in drawn):
            true = sum(c.gain if at < c.gains else -0.15 for c, _, at in drawn)
            verdict = screened(true, rng)
        return _node(number, made, verdict, parent), true


def screened(true: float, rng: Random) -> Verdict:
    """The verdict of a screen on a child of a true gain, in SD."""
    gains = [SD * rng.normalvariate(true, 1) for _ in range(RULE.screen)]
    first = _summary(gains[: RULE.first_look])
    if first.t < RULE.drop_t:
        return Verdict(standing="no gain", reason="", screen=first)
    last = _summary(gains)
    standing = "promising" if last.t >= RULE.promote_t else "no gain"
    return Verdict(standing=standing, reason="", screen=last)  # type: ignore[arg-type]


def _summary(gains: Sequence[float]) -> Summary:
    return Summary(mean=fmean(gains), sd=stdev(gains), pairs=len(gains))


def _node(
    number: int, made: Candidate, verdict: Verdict | None, parent: Node | None, name: str = ""
) -> Node:
    return Node(
        run="bench",
        number=number,
        turn=number,
        parent=parent.number if parent else None,
        kind="candidate" if parent else "baseline",
        name=name or "evolver",
        candidate=made,
        canonical=str(number),
        behaviour=None,
        evidence=(Evidence(stream="search/0", count=RULE.glance, split="glance"),),
        verdict=verdict,
        environment="",
        isolation="container",
    )


Guided = Callable[[str, Tree], Guide]  # by the family of the parent, and the tree


def proposed(guide: Guide, rng: Random) -> Candidate:
    """A proposal that says which edits and motifs were drawn for it."""
    made = []
    for _ in range(rng.choice(COUNTS)):
        edit = rng.choices(list(WEIGHTS), guide.edits(WEIGHTS, rng))[0]
        motifs = guide.motifs(MOTIFS.get(edit, ()), rng)
        made.append(Credit(edit, motifs[0].name if motifs else ""))
    return Candidate(files={"a.py": ""}, idea="", proposer="bench", notes={NOTE: noted(made)})


def grown(land: Landscape, guided: Guided, count: int, seed: str) -> tuple[Tree, Outcome]:
    """One search: the tree that it ends with, and what its proposals were worth."""
    planted = [_node(number, PLANTED, None, None, name) for number, name in enumerate(FAMILIES)]
    nodes, trues, rng = list(planted), list[float](), Random(seed)
    for number in range(count):
        parent = planted[rng.random() < MUON]
        tree = Tree(nodes[: max(len(planted), len(nodes) - LAG)])
        made = proposed(guided(parent.name, tree), rng)
        luck = Random(f"{seed}/{number}")
        node, true = land.child(len(nodes), parent, made, luck)
        nodes.append(node)
        trues.append(true)
    promising = sum(node.standing == "promising" for node in nodes) / count
    harmed = sum(true == -math.inf for true in trues) / count
    better = sum(true >= COUNTS_FROM for true in trues) / count
    return Tree(nodes), Outcome(harmed, 1 - harmed, promising, better)


def bandit(earlier: Totals) -> Guided:
    """The bandit of the evolver, which begins with what earlier searches taught."""
    least = TASK.metric.minimum_gain
    return lambda family, tree: Thompson(family, totals(tree, least), earlier)


def taught(land: Landscape, count: int) -> Totals:
    """What two earlier searches with fixed weights teach, as a file keeps it."""
    lessons = []
    for number in range(2):
        tree, _ = grown(land, lambda family, tree: BY_HAND, count, f"{land.seed}/earlier/{number}")
        brought = totals(tree, TASK.metric.minimum_gain)
        run = Taught(run=str(number), task=TASK.name, digest="", begun="", proposals=count)
        lessons.append((run, brought))
    return merged(lessons).totals


def ratio(own: Sequence[float], fixed: Sequence[float]) -> tuple[float, float]:
    """The ratio of two means over the same landscapes, with its jackknife standard error."""
    whole, count = fmean(own) / fmean(fixed), len(own)
    left_out = [(sum(own) - own[at]) / max(sum(fixed) - fixed[at], 1e-12) for at in range(count)]
    middle = fmean(left_out)
    spread = math.fsum((value - middle) ** 2 for value in left_out)
    return whole, math.sqrt(spread * (count - 1) / count)


def main() -> None:
    """Print a table: shares of proposals by each way to draw, and ratios to fixed weights."""
    parser = options(__doc__, 60)
    parser.add_argument("--proposals", type=int, default=100)
    asked = parser.parse_args()
    rows: dict[str, list[Outcome]] = {"fixed weights": [], "bandit": [], "bandit with prior": []}
    for seed in range(asked.first_seed, asked.first_seed + asked.searches):
        land = Landscape(seed)
        ways: dict[str, Guided] = {
            "fixed weights": lambda family, tree: BY_HAND,
            "bandit": bandit({}),
            "bandit with prior": bandit(taught(land, asked.proposals)),
        }
        for name, guided in ways.items():
            rows[name].append(grown(land, guided, asked.proposals, f"{seed}/search")[1])
    print("| draws by | invalid or ruined | measured | promising | better | ratio of better |")
    print("| --- | --- | --- | --- | --- | --- |")
    fixed = [outcome.better for outcome in rows["fixed weights"]]
    figures = {}
    for name, outcomes in rows.items():
        shares = [mean_error(values) for values in zip(*outcomes, strict=True)]
        cells = [f"{100 * mean:.1f} ± {100 * error:.1f} %" for mean, error in shares]
        times, error = ratio([outcome.better for outcome in outcomes], fixed)
        print(f"| {name} | {' | '.join(cells)} | {times:.2f} ± {error:.2f} |")
        figures[name] = {"shares": shares, "ratio": [times, error]}
    save(asked, figures)


if __name__ == "__main__":
    main()
