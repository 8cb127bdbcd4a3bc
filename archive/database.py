"""A database that is only ever added to: how it is opened, read and written."""

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..sandbox.text import line
from .engine import as_made, make_tables, not_tables, open_engine
from .place import ArchiveError, Place
from .rows import Record, as_record, damaged
from .tables import LATER, META, SCHEMA, TABLES


class Database:
    """One connection pool, one writer at a time.

    `where` is what was given and may hold a password; `shown` is what may be printed of it. `order`
    sorts runs so that the last made comes last.
    """

    def __init__(self, where: str | Path, create: bool = False) -> None:
        """Open the archive at a path or SQLAlchemy URL; `create` makes it if there is none."""
        self.where = str(where)
        self.place = Place.of(where)
        self.shown = self.place.shown
        self._lock = threading.Lock()
        with self.readable():
            self._prepare(create)
            self.engine = self._connected()
            try:
                if create:
                    make_tables(self.engine)
                self._look()
            except BaseException:
                self.engine.dispose()
                raise
        # Also where nobody calls `close`: SQLite then removes the files beside its own.
        weakref.finalize(self, self.engine.dispose)

    @classmethod
    def exists(cls, where: str | Path) -> bool:
        """Whether there is an archive; raises ArchiveError where that cannot be found out."""
        try:
            cls(where).close()
        except _Missing:
            return False
        return True

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def record(self, model: type[Record], data: object, row: str) -> Record:
        """A cell as a record; raises ArchiveError, naming the row, if it is none."""
        return as_record(model, data, row, self.shown)

    def damaged(self, row: str, why: str) -> ArchiveError:
        """The error that says which row cannot be used, and why."""
        return damaged(self.shown, row, why)

    def _prepare(self, create: bool) -> None:
        """Make the folder of a file that is to be made; raises if there is none to read."""
        file = self.place.file
        if file is None:
            return
        if create:
            file.parent.mkdir(parents=True, exist_ok=True)
        elif not file.exists():
            raise self._missing()

    def _connected(self) -> sa.Engine:
        try:
            return open_engine(self.place)
        except ModuleNotFoundError as error:
            raise ArchiveError(
                f"an archive in PostgreSQL needs the package psycopg, and {error.name} is not "
                "installed: pip install 'ratchet[postgres]'"
            ) from None

    def _look(self) -> None:
        """Check that the tables are Ratchet's own, and note which later ones are not there yet."""
        with self.engine.connect() as db:
            alien = not_tables(db)
            present = set(sa.inspect(db).get_table_names()).intersection(TABLES.tables)
            schema = None
            if META.name in present and not alien:
                query = sa.select(META.c.value).where(META.c.key == "schema")
                schema = db.execute(query).scalar()
        if alien:
            raise ArchiveError(f"the archive {self.shown} has no table {alien[0]}, but a view")
        if not present:
            raise self._missing()
        if not isinstance(schema, str) or not schema.isascii() or not schema.isdigit():
            raise self.damaged("a schema", f"{line(str(schema), 40)} is no version")
        if len(schema) > 9 or int(schema) > SCHEMA:
            raise ArchiveError(
                f"{self.shown} has schema {schema[:9]}, this Ratchet reads up to {SCHEMA}: "
                "upgrade it"
            )
        absent = frozenset(TABLES.tables) - present
        if lost := sorted(absent.difference(LATER)):
            raise ArchiveError(f"the archive {self.shown} lacks the table {lost[0]}")
        self._absent = absent
        with self.engine.connect() as db:
            self.order = as_made(db)

    def _missing(self) -> ArchiveError:
        return _Missing(
            f"there is no archive at {self.shown}: start one with `ratchet search`, or give its "
            "place with --archive"
        )

    def rows(self, query: "sa.Select[Any]", table: sa.Table) -> list[Mapping[str, Any]]:
        """The rows of a query; none where an older archive has no such table."""
        if table.name in self._absent:
            return []
        with self.reading() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with; raises ArchiveError where the database cannot be used."""
        with self.readable(), self.engine.connect() as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction, one at a time; it makes tables first that an older archive lacks."""
        with self._lock, self.readable():
            if self._absent:
                make_tables(self.engine)
                self._look()
            with self.engine.begin() as db:
                yield db

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Turn what the driver and the file system raise into ArchiveError, without passwords."""
        try:
            yield
        except (sa.exc.SQLAlchemyError, OSError) as error:
            cause = getattr(error, "orig", None) or error
            message = line(self.place.scrubbed(str(cause)), 500)
            raise ArchiveError(f"the archive {self.shown} cannot be used: {message}") from None


class _Missing(ArchiveError):
    """There is no archive where one was to be read."""
