"""Everything that was ever tried, and how it descends. Append-only.

Reading order:

node        a candidate, and everything learned about it
tree        the nodes of one run, and questions about them
index       what a turn asks of them, kept up node by node    tally    sums over them
ranks       how far each node is ahead of the start
child       a node beside its parent                          funnel   how far proposals got
gains       how far a node stands from the start, and from what was planted
runs        the record of a run               upgrade  records of older versions
store       the archive as a whole, of nodes, trials and journal
lease       one process at a time grows a run
database    opened, read and written          place    file or URL     tables, engine  in SQL
rows        rows become checked records       cells    JSON in a cell
sound       whether an archived program may still be run
"""

from .child import Child, NotAChild
from .gains import Ahead, ahead, difference, over_start
from .node import Evidence, Node, Tuning
from .place import ArchiveError
from .runs import RunRecord
from .sound import in_use, require_sound, unsound
from .store import Archive
from .tree import NoSuchNode, Tree

__all__ = [
    "Ahead",
    "Archive",
    "ArchiveError",
    "Child",
    "Evidence",
    "NoSuchNode",
    "Node",
    "NotAChild",
    "RunRecord",
    "Tree",
    "Tuning",
    "ahead",
    "difference",
    "in_use",
    "over_start",
    "require_sound",
    "unsound",
]
