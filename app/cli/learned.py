"""Learn from archives what pays, write it into a file, and show it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...agents.evolve.credit import PARTS
from ...agents.evolve.learned import LearnedError, read_file
from ...agents.learning import learn, own_file
from ...archive import Archive
from .terminal import warn

MOST = 12  # rows of each part that are shown


def write(archives: Sequence[str], out: Path | None) -> dict[str, Any]:
    """Learn from archives and write the file; a record of what it says, and of its `file`.

    Raises ArchiveError where an archive cannot be opened, and LearnedError where nothing can be
    learned, or where the file is another's.
    """
    path = out or own_file(archives[0])
    if path.exists():
        _require_own(path)
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(Archive(where))) for where in archives]
        document = learn(opened, warn)
    try:
        path.write_text(document.text, "utf-8")
    except OSError as error:
        raise LearnedError(f"cannot write {path}: {error.strerror}") from error
    return {"file": str(path), **document.model_dump(mode="json")}


def _require_own(path: Path) -> None:
    """Raise LearnedError where writing would overwrite what `ratchet learn` has not written."""
    try:
        read_file(path)
    except LearnedError as error:
        why = f"{path} is there and is not of `ratchet learn`: name another file with --out"
        raise LearnedError(why) from error


def learned_view(record: Mapping[str, Any]) -> RenderableType:
    """What was tried on each task, what that brought, and where it is written."""
    parts: list[RenderableType] = []
    for name, task in record["tasks"].items():
        runs = ", ".join(run["run"] for run in task["runs"])
        proposals = sum(run["proposals"] for run in task["runs"])
        parts.append(Text(f"{name}: {proposals} proposals of {runs}"))
        table = Table(box=None, padding=(0, 2))
        for column in ("part", "name", "proposals", "mean reward"):
            table.add_column(column)
        for row in _rows(task):
            table.add_row(*map(Text, row))
        parts.append(table)
    parts.append(Text(f"written to {record['file']}"))
    return Group(*parts)


def _rows(task: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """The arms of each part that were tried most, the best of them first."""
    for part in PARTS:
        sums = [(name, *_sums(families)) for name, families in task[part].items()]
        most = sorted(sums, key=lambda row: -row[2])[:MOST]
        for name, reward, tried in sorted(most, key=lambda row: -row[1] / row[2]):
            yield part, name, str(tried), f"{reward / tried:.2f}"


def _sums(families: Mapping[str, Sequence[float]]) -> tuple[float, int]:
    return sum(pair[0] for pair in families.values()), sum(int(p[1]) for p in families.values())
