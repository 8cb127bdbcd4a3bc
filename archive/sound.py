"""Whether the programs of an archive, which anyone may have made, may still be run or built on."""

from collections.abc import Iterable

from ..evals import admit, unfit
from ..tasks import Task
from .node import Node
from .place import ArchiveError
from .tree import Tree


def unsound(node: Node, task: Task, isolated: bool = True) -> str:
    """Why a node's program may only be looked at, or "" where it may be run.

    The start and the baselines of the task itself are as its author wrote them. The audit is
    asked only where nothing isolates: it grows stricter, and older programs must stay usable.
    """
    own = [dict(files) for files in (task.start, *task.baselines.values())]
    if node.verdict is None and dict(node.candidate.files) in own:
        return ""
    if why := unfit(node.candidate.files, task.manifest.editable):
        return why
    refused = () if isolated else admit(node.candidate.files, task).refused
    return refused[0] if refused else ""


def require_sound(nodes: Iterable[Node], task: Task, isolated: bool = True) -> None:
    """Raise ArchiveError for the first node whose program may not be run."""
    for node in nodes:
        if why := unsound(node, task, isolated):
            raise ArchiveError(f"node {node.id} may be shown, but not used: {why}")


def in_use(tree: Tree) -> list[Node]:
    """The nodes that a search would run again or build on, and those they are compared with."""
    used = [n for n in tree if n.verdict is None or n.borne_out or n.standing == "promising"]
    numbers = {number for node in used for number in (node.number, node.parent)}
    return [node for node in tree if node.number in numbers]
