"""A database that is only ever added to: how it is opened, read and written."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from .tables import META, REPLIES, SCHEMA, make_tables, once, open_engine


class ArchiveError(Exception):
    """An archive that cannot be read or written, or a name it does not hold."""

    exit_code = 3


class Database:
    """One connection pool, one writer at a time."""

    def __init__(self, where: str | Path, create: bool = False) -> None:
        """Open the archive at a path or SQLAlchemy URL; `create` makes it if there is none."""
        self.where = str(where)
        self._lock = threading.Lock()
        local = "://" not in self.where
        if local and not create and not Path(where).exists():
            raise ArchiveError(f"no archive at {where}: run `ratchet search` first, or --archive")
        with self._readable():
            if local:
                Path(where).parent.mkdir(parents=True, exist_ok=True)
            url = f"sqlite:///{where}" if local else self.where
            self._engine = open_engine(url)
            if create:
                make_tables(self._engine)
                with self._engine.begin() as db:
                    once(db, META, {"key": "schema", "value": str(SCHEMA)})
            self._check_version()
            if not sa.inspect(self._engine).has_table(REPLIES.name):
                make_tables(self._engine)  # an archive of schema 3 or before

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _check_version(self) -> None:
        with self._engine.connect() as db:
            found = db.execute(sa.select(META.c.value).where(META.c.key == "schema")).scalar()
        if found is None or int(found) > SCHEMA:
            raise ArchiveError(
                f"{self.where} has schema {found}, this Ratchet reads up to {SCHEMA}: upgrade it"
            )

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._readable(), self._engine.connect() as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._lock, self._readable(), self._engine.begin() as db:
            yield db

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DatabaseError, OSError) as error:
            cause = str(error.orig) if isinstance(error, sa.exc.DatabaseError) else str(error)
            raise ArchiveError(f"the archive {self.where} cannot be used: {cause}") from error
