"""Files of a program on a person's disk: written into one folder alone, and read from it alone.

The names come from an archive, which anyone may have made. What cannot be a plain name in that
folder is refused before anything is written or read.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from .archive import ArchiveError
from .evals.audit import SOURCE_BYTES
from .evals.door import is_plain
from .sandbox.text import line


def write(folder: Path, contents: Mapping[str, str]) -> list[Path]:
    """Write new files into `folder`, which is created if need be. Returns their sorted paths.

    Raises ArchiveError for names that are not plain or that some systems take for one, and OSError
    where a file is in the way or cannot be written; then none is left.
    """
    require_plain(contents)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for name in sorted(contents):
            # A new file, so that no link that lies there already is followed.
            with open(folder / name, "xb") as file:
                written.append(folder / name)
                file.write(contents[name].encode(errors="replace"))
    except OSError:
        for path in written:
            with suppress(OSError):
                path.unlink()
        raise
    return written


def read(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The texts of these files of `folder`; raises ArchiveError naming one that is not a file."""
    wanted = list(names)
    require_plain(wanted)
    return {name: _text(folder, name) for name in wanted}


def require_plain(names: Iterable[str]) -> None:
    """Raise ArchiveError for a name that could leave a folder, or two that could be one file."""
    taken: dict[str, str] = {}
    for name in names:
        if not is_plain(name):
            shown = line(name[:200], 80) or "with an empty name"
            raise ArchiveError(
                f"the archive has a file {shown}, which is not the plain name of a file: nothing "
                "was read or written"
            )
        if taken.setdefault(name.lower(), name) != name:
            raise ArchiveError(
                f"the archive has files {taken[name.lower()]} and {name}, which some systems take "
                "for one: nothing was read or written"
            )


def _text(folder: Path, name: str) -> str:
    try:
        # No links, as one may lead anywhere; no waiting for whoever writes into a pipe.
        descriptor = os.open(folder / name, os.O_RDONLY | _flag("NOFOLLOW") | _flag("NONBLOCK"))
    except OSError as error:
        cause = "it is a link" if (folder / name).is_symlink() else error.strerror
        raise ArchiveError(f"{name} cannot be read from {folder}: {cause}") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ArchiveError(f"{name} cannot be read from {folder}: it is no plain file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(SOURCE_BYTES + 1)
    except OSError as error:
        raise ArchiveError(f"{name} cannot be read from {folder}: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(data) > SOURCE_BYTES:
        raise ArchiveError(
            f"{name} in {folder} has more than {SOURCE_BYTES} bytes: make it shorter"
        )
    try:
        # As Python reads a text file: whatever ends the lines, they end in a newline.
        return data.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise ArchiveError(
            f"{name} in {folder} is not UTF-8 at line {number}: save it as UTF-8"
        ) from error


def _flag(name: str) -> int:
    """A flag of `open`, where the system has it."""
    flag: int = getattr(os, f"O_{name}", 0)
    return flag
