"""Everything that was ever tried, and how it descends. Append-only."""

from .database import ArchiveError
from .rejudge import Rejudged, claimed_gains, rejudge
from .store import Archive
from .tree import Evidence, Node, Tree

__all__ = [
    "Archive",
    "ArchiveError",
    "Evidence",
    "Node",
    "Rejudged",
    "Tree",
    "claimed_gains",
    "rejudge",
]
