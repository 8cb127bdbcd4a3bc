"""How a database is reached, and how its tables are made and kept append-only."""

import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from .cells import from_json, to_json
from .place import Place
from .tables import META, RUNS, SCHEMA, TABLES, once

MADE = "made"  # a column of runs that PostgreSQL counts up; SQLite has its rowid
_MAKING = 0x7261_7463_6865_74  # the advisory lock under which tables are made
_PATIENT = {
    "application_name": "ratchet",
    "connect_timeout": "20",
    "prepare_threshold": None,  # as poolers share connections, and know no prepared statements
}


def open_engine(place: Place) -> sa.Engine:
    """A connection pool; SQLite waits for its turn, and is not written to where that is refused."""
    # JSON is decoded here alone: what cannot be is handed on as `Unreadable`, row by row.
    options: dict[str, Any] = {"json_deserializer": from_json, "json_serializer": to_json}
    if place.file is None:
        engine = sa.create_engine(
            place.url,
            pool_pre_ping=True,
            connect_args={k: v for k, v in _PATIENT.items() if k not in place.url.query},
            **options,
        )
        sa.event.listen(engine, "connect", _keep_alive)
        return engine
    engine = sa.create_engine(_read_only(place.file) if place.frozen else place.url, **options)
    sa.event.listen(engine, "connect", _pragmas)
    return engine


def _read_only(path: Path) -> sa.URL:
    """SQLite reads a file without a log beside it as it is; else it needs the log, and reads it."""
    log = Path(f"{path}-wal")
    options = {"mode": "ro", "uri": "true"}
    if not (log.exists() and log.stat().st_size):
        options["immutable"] = "1"
    return sa.URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query=options)


def make_tables(engine: sa.Engine) -> None:
    """Make what is missing, also while others do; triggers refuse every change of what is there."""
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with engine.begin() as db:
        if engine.dialect.name == "postgresql":
            db.execute(sa.select(sa.func.pg_advisory_xact_lock(_MAKING)))
        present = set(sa.inspect(db).get_table_names())
        for table in TABLES.sorted_tables:
            db.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                db.execute(CreateIndex(index, if_not_exists=True))
            if engine.dialect.name == "sqlite":
                _append_only(db, table.name)
            elif table.name not in present:
                _append_only_on_postgresql(db, table.name)
        if engine.dialect.name == "postgresql" and not _numbers_runs(db):
            db.exec_driver_sql(
                f"ALTER TABLE {RUNS.name} ADD COLUMN {MADE} BIGINT GENERATED ALWAYS AS IDENTITY"
            )
        once(db, META, {"key": "schema", "value": str(SCHEMA)})


def as_made(db: sa.Connection) -> list[sa.ColumnElement[Any]]:
    """What to order runs by so that the last made comes last, whatever the clock said."""
    if db.dialect.name == "sqlite":
        return [sa.literal_column("rowid")]
    return [sa.literal_column(MADE)] if _numbers_runs(db) else [RUNS.c.created, RUNS.c.id]


def not_tables(db: sa.Connection) -> list[str]:
    """Names of ours that something else than a table has, such as a view that never ends."""
    others = set(sa.inspect(db).get_view_names())
    if db.dialect.name == "sqlite":
        virtual = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
        others |= set(db.exec_driver_sql(virtual).scalars())
    return sorted(others.intersection(TABLES.tables))


def _numbers_runs(db: sa.Connection) -> bool:
    return any(column["name"] == MADE for column in sa.inspect(db).get_columns(RUNS.name))


def _write_ahead(engine: sa.Engine) -> None:
    """Give SQLite its write-ahead log; others who do so too make it busy, and it does not wait."""
    for wait in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, None):
        try:
            with engine.connect() as db:
                db.exec_driver_sql("PRAGMA journal_mode = WAL")
            return
        except sa.exc.OperationalError as error:
            if wait is None or "locked" not in str(error.orig):
                raise
            time.sleep(wait)


def _append_only(db: sa.Connection, table: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        db.exec_driver_sql(
            f"CREATE TRIGGER IF NOT EXISTS no_{verb.lower()}_{table} "
            f"BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'the archive is append-only'); END"
        )


def _append_only_on_postgresql(db: sa.Connection, table: str) -> None:
    db.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION ratchet_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the archive is append-only'; END $$"
    )
    db.exec_driver_sql(
        f"CREATE TRIGGER no_change_{table} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ratchet_append_only()"
    )


def _pragmas(connection: Any, _: object) -> None:
    # Text that is no UTF-8 spoils its own row, and not the reading of all others.
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA trusted_schema = OFF")
    cursor.close()


def _keep_alive(connection: Any, _: object) -> None:
    """Let the server notice within minutes that a machine which holds a run is gone."""
    with connection.cursor() as cursor:
        for name, seconds in (("idle", 30), ("interval", 10), ("count", 3)):
            cursor.execute(f"SET tcp_keepalives_{name} = {seconds}")
    connection.commit()
