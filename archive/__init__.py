"""Everything that was ever tried, and how it descends. Append-only.

Reading order:

tree        the nodes of one run, and questions about them
ranks       how far each node is ahead of the start
runs        the record of a run               upgrade  records of older versions
store       the archive as a whole, of nodes, trials and journal
lease       one process at a time grows a run
database    opened, read and written          place    file or URL     tables, engine  in SQL
rows        rows become checked records       cells    JSON in a cell
sound       whether an archived program may still be run
"""

from .place import ArchiveError
from .runs import RunRecord
from .sound import in_use, require_sound, unsound
from .store import Archive
from .tree import Child, Evidence, Node, NoSuchNode, NotAChild, Tree

__all__ = [
    "Archive",
    "ArchiveError",
    "Child",
    "Evidence",
    "NoSuchNode",
    "Node",
    "NotAChild",
    "RunRecord",
    "Tree",
    "in_use",
    "require_sound",
    "unsound",
]
