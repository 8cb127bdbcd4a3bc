"""Searches of equal budget: grown until they have spent as many trials as the others."""

from collections.abc import Callable

from ...archive import Tree
from ..loop import More, search
from ..run import Run

TENTH = 0.1  # of the budget, between two messages of progress


def affordable(budget: int) -> More:
    """A budget of trials for `search`, some of whose turns are always on their way.

    No turn starts once those finished and those on their way, each at the mean cost so far, use it
    up. So what is spent differs from the budget by about a turn.
    """

    def more(tree: Tree, turn: int) -> bool:
        finished = finished_turns(tree)
        cost = sum(node.trials for node in tree.proposals())
        mean = cost / max(1, finished - len(tree.roots()))
        return tree.trials + (turn - finished) * mean < budget

    return more


def finished_turns(tree: Tree) -> int:
    """How many turns have ended in a state of a node, those that planted the roots included."""
    return max((node.turn + 1 for node in tree), default=0)


def spend(run: Run, trials: int, more: More, name: str, say: Callable[[str], object]) -> None:
    """Search for as long as `more` allows it; `say` how far it is at every tenth of the trials."""
    cost = {node.number: node.trials for node in run.archive.tree(run.id)}
    reported = sum(cost.values())
    for node in search(run, more):
        cost[node.number] = node.trials
        spent = sum(cost.values())
        if spent - reported >= TENTH * trials:
            say(f"{name}: {spent} of {trials} trials")
            reported = spent
