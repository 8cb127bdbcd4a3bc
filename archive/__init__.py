"""Everything that was ever tried, and how it descends. Append-only."""

from .store import Archive, ArchiveError
from .tree import Evidence, Node, Tree

__all__ = ["Archive", "ArchiveError", "Evidence", "Node", "Tree"]
