"""The files of a task folder, which may come from anyone: read within bounds, and checked."""

import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..sandbox.text import line
from .names import BASELINE

SUFFIXES = frozenset({".py", ".toml", ".md"})
MOST_FILES, MOST_BYTES, MOST_ENTRIES = 500, 8 << 20, 20_000
BOM = b"\xef\xbb\xbf"
PROGRAMS = ("trainer.py", "grader.py", "guest.py", "predictor.py", "example.py")
# Folders in which every file belongs to the task; a link in place of one would leave it out.
OURS = ("start", "baselines", "crippled", "library")


class TaskError(Exception):
    """A task that does not exist or a task folder that cannot be used."""

    exit_code = 2


def files_in(folder: Path, within: Path) -> dict[str, bytes]:
    """Every file of a task, by its path below `folder`; raises TaskError naming what is wrong.

    Links may lead to files below `within`. What starts with a dot, caches and files of other kinds
    are no part of a task. Text is UTF-8.
    """
    files, room = dict[str, bytes](), MOST_BYTES
    try:
        root = folder.resolve(strict=True)
        for path in _entries(root):
            name = path.relative_to(root).as_posix()
            data = _read(path, name, within.resolve(), room)
            room -= len(data)
            files[name] = _text(data, name)
            if len(files) > MOST_FILES:
                raise TaskError(f"the task folder has {_beyond(f'{MOST_FILES} files')}")
    except OSError as error:
        raise TaskError(f"the task folder cannot be read: {error}") from error
    return files


def check_programs(files: dict[str, bytes]) -> None:
    """Raise TaskError for a program of the task that is no Python, with its file and line."""
    for name, data in sorted(files.items()):
        if not name.endswith(".py") or not (name in PROGRAMS or name.split("/")[0] in OURS):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(data, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise TaskError(f"{name}, line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            raise TaskError(f"{name} is no program: {error or type(error).__name__}") from None


def baselines_in(files: Iterable[str]) -> list[str]:
    """The names of the folders below baselines/; raises TaskError for one that is no name."""
    places = (path.split("/") for path in files)
    baselines = sorted({place[1] for place in places if place[0] == "baselines" and len(place) > 2})
    for name in baselines:
        if BASELINE.fullmatch(name) is None:
            raise TaskError(
                f"baselines/{line(name, 60)} is no name for a baseline: use letters, digits and _"
            )
    return baselines


def _entries(root: Path) -> Iterator[Path]:
    count = 0
    for here, folders, names in os.walk(root, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if name[0] != "." and name != "__pycache__")
        count += len(folders) + len(names)
        if count > MOST_ENTRIES:
            raise TaskError(f"the task folder has {_beyond(f'{MOST_ENTRIES} entries')}")
        for folder in folders:
            link = Path(here, folder)
            inside = link.relative_to(root)
            if link.is_symlink() and inside.parts[0] in OURS:
                raise TaskError(f"{inside} is a link to a folder: put the folder itself there")
        yield from (
            Path(here, name)
            for name in sorted(names)
            if name[0] != "." and os.path.splitext(name)[1] in SUFFIXES
        )


def _read(path: Path, name: str, within: Path, room: int) -> bytes:
    """A file's bytes, at most `room`; links have to stay below `within`."""
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(within):
        raise TaskError(f"{name} is a link that leaves the task folder: put a copy there")
    if not path.is_file():
        raise TaskError(f"{name} is no plain file: remove it, or put a file there")
    with path.open("rb") as file:
        data = file.read(room + 1)
    if len(data) > room:
        raise TaskError(f"{name}: the task folder has {_beyond(f'{MOST_BYTES >> 20} MB')}")
    return data


def _text(data: bytes, name: str) -> bytes:
    """`data` without a byte order mark; raises TaskError for what is not UTF-8."""
    data = data.removeprefix(BOM)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise TaskError(
            f"{name}, line {number}: byte 0x{data[error.start]:02x} is not UTF-8: save it as UTF-8"
        ) from None
    return data


def _beyond(most: str) -> str:
    return f"more than {most} of .py, .toml and .md: move out what is no part of the task"


def _unreadable(error: OSError) -> None:
    raise error
