"""Everything that was ever tried, and how it descends. Append-only."""

from .database import ArchiveError
from .sound import in_use, require_sound, unsound
from .store import Archive
from .tree import Evidence, Node, NoSuchNode, Tree

__all__ = [
    "Archive",
    "ArchiveError",
    "Evidence",
    "NoSuchNode",
    "Node",
    "Tree",
    "in_use",
    "require_sound",
    "unsound",
]
