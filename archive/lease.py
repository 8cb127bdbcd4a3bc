"""The lease on a run: one process at a time grows it, and the lease dies with that process.

An archive in a file is leased by a lock beside the file, which reaches as far as the locks of its
file system. One in PostgreSQL is leased by an advisory lock of the server, which reaches every
machine.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from .database import Database
from .place import ArchiveError


@contextmanager
def lease(database: Database, run_id: str) -> Iterator[None]:
    """Be the only process that grows a run; raises ArchiveError if another one does."""
    if database.place.file is None:
        lock = _server_lock(database, run_id)
    else:
        with database.readable():
            lock = _file_lock(database.place.beside(f"{run_id}.lock"))
    with lock as mine:
        if not mine:
            raise ArchiveError(
                f"run {run_id} is being grown by another process: wait for it, or stop it first"
            )
        yield


@contextmanager
def _file_lock(path: Path) -> Iterator[bool]:
    """Hold the lock at `path` for as long as the block lasts; False if another process has it."""
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        if not _names(path, file.fileno()):  # its holder has just removed it: another may be there
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def _names(path: Path, descriptor: int) -> bool:
    """Whether the path still names the open file."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def _server_lock(database: Database, run_id: str) -> Iterator[bool]:
    """Hold the server's lock on a run; it goes with the connection that took it."""
    digest = hashlib.sha256(f"ratchet run {run_id}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    with database.readable():
        db = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        mine = bool(db.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar())
    try:
        yield mine
    finally:
        db.invalidate()  # closes the connection, and so lets go, whatever state it is in
        db.close()
