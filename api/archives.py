"""An archive of runs, as a script or a notebook uses it."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from . import drawing
from .archive import Archive as Store
from .places import place
from .runs import Run
from .trees import Node


class Archive:
    """Everything that was ever tried, run by run. `ratchet.open` opens one.

    Usable in a `with` block, which closes it.
    """

    def __init__(self, archive: Store) -> None:
        """Show an open archive."""
        self._archive = archive

    @property
    def runs(self) -> list[Run]:
        """Every run that can be read, in the order in which they were begun."""
        return [Run(self._archive, record.id) for record in self._archive.runs()]

    def run(self, name: str | None = None) -> Run:
        """The run of that id or unique beginning of one; else the newest that is no control.

        Raises ArchiveError if there is none, or if it cannot be read.
        """
        return Run(self._archive, self._archive.run(name).id)

    def node(self, name: str) -> Node:
        """The node RUN.NUMBER, or of that number in the newest run; raises ArchiveError."""
        return Node(self._archive, self._archive.node(name))

    def __getitem__(self, name: str) -> Run:
        """The same as `run`."""
        return self.run(name)

    def __iter__(self) -> Iterator[Run]:
        """The `runs`."""
        return iter(self.runs)

    def __len__(self) -> int:
        """How many runs can be read."""
        return len(self._archive.runs())

    def close(self) -> None:
        """Let go of the database; what was read from it stays usable."""
        self._archive.close()

    def __enter__(self) -> Self:
        """This archive, which the block closes."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _repr_html_(self) -> str:
        return drawing.runs_html(run.facts() for run in self.runs)

    def __repr__(self) -> str:
        """Where it is, without any password, and how many runs it holds."""
        return f"<Archive {self._archive.shown}: {len(self)} runs>"


def open(archive: str | Path | None = None) -> Archive:
    """Open the archive at a path or a URL such as `postgresql://...`, to read what it holds.

    Unless told, it is the one that `$RATCHET_ARCHIVE` names, and else `.ratchet/archive.db`.
    Raises ArchiveError where there is none or where it cannot be read.
    """
    return Archive(Store(place(archive)))
