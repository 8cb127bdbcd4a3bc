"""Everything that was ever tried, and how it descends. Append-only."""

from .database import ArchiveError
from .store import Archive
from .tree import Evidence, Node, Tree

__all__ = ["Archive", "ArchiveError", "Evidence", "Node", "Tree"]
