"""Everything that was ever tried, and how it descends. Append-only."""

from .database import ArchiveError
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
