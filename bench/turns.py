"""What a turn costs the host in a long run: CPU time of all that it asks of a tree of many nodes.

    python bench/turns.py                               1,000, 3,000 and 10,000 nodes
    python bench/turns.py --archive .ratchet/archive.db --nodes 10000

The nodes are those of an archived run, many times over under new numbers. `anew` is a tree that is
made of all states at once, as when an archive is read; all other columns are what every turn does.
Times are in milliseconds, each the least of five.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random

from ratchet.agents.evolve.credit import totals
from ratchet.agents.evolve.fit import gain_chances
from ratchet.archive import Archive, Node, Tree
from ratchet.search import tune
from ratchet.search.schedule import adaptive
from ratchet.search.select import POLICIES
from ratchet.tasks import Task

FIXTURE = Path(__file__).parent.parent / "tests/fixtures/archive_0_1/archive.db"
TIMES = 5
HEAD = ("nodes", "anew", "one more node", "parent", "schedule", "what to tune", "what has paid")


def multiplied(tree: Tree, count: int) -> list[Node]:
    """At least `count` nodes: the planted ones, and the others again and again."""
    nodes, planted = list(tree.roots()), len(tree.roots())
    while len(nodes) < count:
        by = len(nodes) - planted
        for node in tree.proposals():
            own = node.parent is not None and node.parent >= planted
            fields = {
                "number": node.number + by,
                "turn": node.number + by,
                "parent": (node.parent or 0) + (by if own else 0),
                "canonical": f"{node.canonical}/{by}",
                "behaviour": node.behaviour and f"{node.behaviour}/{by}",
            }
            nodes.append(node.model_copy(update=fields))
    return nodes


def least(call: Callable[[], object]) -> float:
    """Milliseconds of CPU time."""
    times = []
    for _ in range(TIMES):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return 1e3 * min(times)


def row(nodes: Sequence[Node], task: Task) -> list[str]:
    """Times of a tree of these nodes."""
    rng, metric = Random(1), task.metric
    before, rule = Tree(nodes[:-TIMES]), Tree(nodes).rule
    totals(before, metric.minimum_gain)
    gain_chances(before)
    assert rule is not None
    trees = list(accumulate(nodes[-TIMES:], Tree.grown, initial=before))
    times = [least(lambda: Tree(nodes)), least(lambda: trees[-2].grown(nodes[-1]))]
    asked: Sequence[Callable[[Tree], object]] = (
        lambda tree: POLICIES["lead"](tree, rng),
        lambda tree: adaptive(tree, [], rule, metric, True),
        tune.worth_tuning,
        lambda tree: (totals(tree, metric.minimum_gain), gain_chances(tree)),
    )
    for ask in asked:
        grown = iter(trees[1:])
        times.append(least(lambda ask=ask, grown=grown: ask(next(grown))))  # type: ignore[misc]
    return [str(len(nodes)), *(f"{value:.1f}" for value in times)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--archive", default=str(FIXTURE))
    parser.add_argument("--run", help="by default the last one")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1_000, 3_000, 10_000])
    asked = parser.parse_args()
    archive = Archive(asked.archive)
    record = archive.run(asked.run)
    tree, task = archive.tree(record.id), archive.task(record.id)
    print(f"| {' | '.join(HEAD)} |\n| {' | '.join(['---'] * len(HEAD))} |")
    for count in asked.nodes:
        print(f"| {' | '.join(row(multiplied(tree, count), task))} |", flush=True)


if __name__ == "__main__":
    main()
