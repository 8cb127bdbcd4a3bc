"""Compare agents by searches of equal budget, measured alike on seeds that none of them used.

A search hands over its best confirmed node. One that has none, or none that ranks above the best
baseline on its own common seeds, hands over that baseline: a gain of nothing. No search reads any
of this.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from ....agents.base import AgentError
from ....archive import Archive, Node, Tree
from ....evals import Split
from ....tasks import Frozen
from ...lab import Lab
from ...order import Say
from ..report import SEEDS
from .improvement import Interval, difference, improvement, mean_gain
from .sealed import Sealed
from .searches import Entrant, Terms, ends, search_id


class Point(NamedTuple):
    """From so many trials on, a search would have handed over a node with this gain."""

    trials: int
    gain: float


class Outing(Frozen):
    """One search: what it spent, and what it handed over, if that is not the best baseline.

    `gain` and `unseen` are means over sealed seeds, on development workloads and on those that no
    search sees. `seconds` is CPU time of training.
    """

    run: str
    agent: str
    trials: int
    proposals: int
    confirmed: int
    best: str = ""
    validated: bool = True
    gain: float = 0.0
    unseen: float = 0.0
    curve: tuple[Point, ...] = ()
    tokens: float = 0.0
    dollars: float = 0.0
    seconds: float = 0.0


class AgentStanding(Frozen):
    """One agent on one task: sums and means over its searches, and how it compares.

    `better` is the probability that a search of it ends above one of the first agent, and `ahead`
    by how much its mean gain is higher; older tables lack the second. `found`
    searches confirmed anything; `beat` of them ended above the best baseline, as they saw it.
    """

    agent: str
    searches: int
    trials: float
    proposals: float
    gain: Interval
    unseen: Interval
    found: int
    beat: int
    better: Interval | None = None
    ahead: Interval | None = None
    tokens: float
    dollars: float
    seconds: float


class BenchTable(Frozen):
    """All agents on one task. `trials` is what each search could spend."""

    bench: str
    task: str
    unit: str
    trials: int
    baseline: str
    validated: bool
    standings: tuple[AgentStanding, ...]
    searches: tuple[Outing, ...]


def handed_over(tree: Tree) -> Node | None:
    """The best confirmed node, if the search itself ranks it above all that is planted."""
    best = tree.best()
    if best is None or not best.borne_out:
        return None
    planted = max(tree.ranking[node.number] for node in tree.planted())
    return best if tree.ranking[best.number] > planted else None


def within(states: Sequence[Node], budget: int) -> list[Node]:
    """The states that a search had reached when it had spent the budget.

    A last turn that went beyond it does not count, so that budgets are equal, and a search that was
    given more can be compared at less.
    """
    cost: dict[int, int] = {}
    for count, state in enumerate(states):
        cost[state.number] = state.trials
        if sum(cost.values()) > budget:
            return list(states[:count])
    return list(states)


def path(states: Sequence[Node]) -> list[tuple[int, Node | None]]:
    """What a search would have handed over, from how many trials on, where that changed."""
    steps: list[tuple[int, Node | None]] = [(0, None)]
    for count in range(1, len(states) + 1):
        tree = Tree(states[:count])
        now, before = handed_over(tree), steps[-1][1]
        if (now and now.number) != (before and before.number):
            steps.append((tree.trials, now))
    return steps


def compare(
    terms: Terms, entrants: Sequence[Entrant], lab: Lab, archive: Archive, say: Say
) -> BenchTable:
    """Measure what the searches handed over, all on the same sealed seeds, against one baseline.

    That is the planted program with the highest mean gain over the common seeds of all searches.
    """
    runs = [
        (entrant, search_id(terms.bench, terms.task.name, entrant.agent, number))
        for entrant in entrants
        for number in range(1, terms.searches + 1)
    ]
    states = {run: within(archive.states(run), terms.trials) for _, run in runs}
    baseline = best_baseline([Tree(own) for own in states.values()])
    keys = archive.run(runs[0][1]).keys
    sealed = Sealed(lab, keys, baseline, terms.workers)
    paths = {run: path(own) for run, own in states.items()}
    nodes = [node for steps in paths.values() for _, node in steps if node]
    say(f"measuring {len({n.candidate.digest for n in nodes})} programs on {SEEDS['dev']} seeds")
    sealed.measure(nodes, "dev")
    sealed.measure([n for steps in paths.values() if (n := steps[-1][1])], "transfer")
    outings = [
        _outing(archive, entrant.agent, run, states[run], paths[run], sealed)
        for entrant, run in runs
    ]
    ends = {run: paths[run][-1][1] for _, run in runs}
    first = [o for o in outings if o.agent == entrants[0].agent]
    standings = []
    firsts = [sealed.gains(ends[o.run], "dev") for o in first]
    for entrant in entrants:
        own = [outing for outing in outings if outing.agent == entrant.agent]
        rows = {split: [sealed.gains(ends[o.run], split) for o in own] for split in SEEDS}
        ahead = difference(rows["dev"], firsts) if own != first else None
        better = (
            improvement([[o.gain for o in own]], [[o.gain for o in first]])
            if own != first
            else None
        )
        standings.append(_standing(entrant.agent, own, rows, better, ahead))
    return BenchTable(
        bench=terms.bench,
        task=terms.task.name,
        unit=terms.task.metric.unit,
        trials=terms.trials,
        baseline=baseline.name,
        validated=lab.isolation != "none" and all(outing.validated for outing in outings),
        standings=tuple(standings),
        searches=tuple(outings),
    )


def overall(tables: Sequence[BenchTable]) -> dict[str, Interval]:
    """For each agent but the first, how likely it is to end above the first, over all tasks."""
    names = [standing.agent for standing in tables[0].standings]
    gains = {
        name: [[o.gain for o in table.searches if o.agent == name] for table in tables]
        for name in names
    }
    return {name: improvement(gains[name], gains[names[0]]) for name in names[1:]}


def best_baseline(trees: Sequence[Tree]) -> Node:
    """The planted program of the highest mean gain over the common seeds of all these searches.

    Raises AgentError where a search could not afford to measure all that is planted.
    """
    planted = [tree.roots() for tree in trees]
    if len({len(nodes) for nodes in planted}) > 1 or not planted[0]:
        raise AgentError(
            "the budget of a search does not reach to measure start and baselines: give more of it"
        )
    means = {
        number: fmean(nodes[number].gain or 0.0 for nodes in planted)
        for number in range(len(planted[0]))
        if not any(nodes[number].failure for nodes in planted)
    }
    return planted[0][max(means, key=lambda number: means[number])]


def _outing(
    archive: Archive,
    agent: str,
    run: str,
    states: Sequence[Node],
    steps: Sequence[tuple[int, Node | None]],
    sealed: Sealed,
) -> Outing:
    tree, best = Tree(states), steps[-1][1]
    ended = ends(archive, run)
    paid = ended[-1]["data"]["spent"] if ended else {}
    return Outing(
        run=run,
        agent=agent,
        trials=tree.trials,
        proposals=sum(node.verdict is not None for node in tree),
        confirmed=len(tree.confirmed()),
        best=best.id if best else "",
        validated=all(node.validated for node in tree),
        gain=fmean(sealed.gains(best, "dev")),
        unseen=fmean(sealed.gains(best, "transfer")),
        curve=tuple(Point(at, fmean(sealed.gains(node, "dev"))) for at, node in steps),
        tokens=paid.get("tokens", 0.0),
        dollars=paid.get("dollars", 0.0),
        seconds=sum(node.cpu_seconds for node in tree),
    )


def _standing(
    agent: str,
    own: Sequence[Outing],
    rows: Mapping[Split, Sequence[Sequence[float]]],
    better: Interval | None,
    ahead: Interval | None,
) -> AgentStanding:
    return AgentStanding(
        agent=agent,
        searches=len(own),
        trials=fmean(outing.trials for outing in own),
        proposals=fmean(outing.proposals for outing in own),
        gain=mean_gain(rows["dev"]),
        unseen=mean_gain(rows["transfer"]),
        found=sum(outing.confirmed > 0 for outing in own),
        beat=sum(bool(outing.best) for outing in own),
        better=better,
        ahead=ahead,
        tokens=sum(outing.tokens for outing in own),
        dollars=sum(outing.dollars for outing in own),
        seconds=sum(outing.seconds for outing in own),
    )
