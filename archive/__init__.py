"""Everything that was ever tried, and how it descends. Append-only."""

from .database import ArchiveError
from .runs import RunRecord
from .sound import in_use, require_sound, unsound
from .store import Archive
from .tree import Evidence, Node, NoSuchNode, Tree

__all__ = [
    "Archive",
    "ArchiveError",
    "Evidence",
    "NoSuchNode",
    "Node",
    "RunRecord",
    "Tree",
    "in_use",
    "require_sound",
    "unsound",
]
