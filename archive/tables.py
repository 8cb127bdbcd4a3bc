"""The tables of the archive, and how rows and files are put into them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

# 2: nodes say how they were isolated, runs have a secret; 3: claims, later states; 4: replies
SCHEMA = 4
LATER = ("calibrations", "states", "replies")  # tables that the first archives did not have
TABLES = sa.MetaData()
META = sa.Table(
    "meta", TABLES, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String)
)
BLOBS = sa.Table(
    "blobs",
    TABLES,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)
ENVIRONMENTS = sa.Table(
    "environments",
    TABLES,
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("data", sa.JSON, nullable=False),
)
RUNS = sa.Table(
    "runs",
    TABLES,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("task", sa.String, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
)
NODES = sa.Table(
    "nodes",
    TABLES,
    sa.Column("run", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
STATES = sa.Table(  # of nodes that were measured again, without what never changes
    "states",
    TABLES,
    sa.Column("run", sa.String, sa.ForeignKey("runs.id"), primary_key=True),
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
CALIBRATIONS = sa.Table(
    "calibrations",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("task", sa.String, nullable=False),
    sa.Column("environment", sa.String, nullable=False),
    sa.Column("created", sa.String, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
TRIALS = sa.Table(
    "trials",
    TABLES,
    sa.Column("environment", sa.String, primary_key=True),
    sa.Column("task", sa.String, primary_key=True),
    sa.Column("candidate", sa.String, primary_key=True),
    sa.Column("role", sa.String, primary_key=True),
    sa.Column("seed", sa.BigInteger, primary_key=True),
    sa.Column("sealed", sa.BigInteger, primary_key=True),
    sa.Column("data", sa.JSON, nullable=False),
)
REPLIES = sa.Table(  # what language models answered: the cassette of each run
    "replies",
    TABLES,
    sa.Column("run", sa.String, primary_key=True),
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("request", sa.String, primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True),
    sa.Column("time", sa.String, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)
EVENTS = sa.Table(
    "events",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.String, sa.ForeignKey("runs.id"), nullable=False, index=True),
    sa.Column("time", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
)


def once(db: sa.Connection, table: sa.Table, *rows: Mapping[str, Any]) -> None:
    """Insert each row unless one with its primary key is there, whoever put it there."""
    if rows:
        db.execute(_insert(table, db.dialect.name), [dict(row) for row in rows])


@cache
def _insert(table: sa.Table, dialect: str) -> sa.Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()


def blob(db: sa.Connection, data: bytes) -> str:
    """Keep a file by its content, and return its digest."""
    digest = hashlib.sha256(data).hexdigest()
    once(db, BLOBS, {"digest": digest, "data": data})
    return digest


def fetch(db: sa.Connection, digests: Iterable[str]) -> dict[str, bytes]:
    """The files of these digests, those that are there and whole."""
    wanted = sorted(set(digests))
    files: dict[str, bytes] = {}
    as_it_is = sa.type_coerce(BLOBS.c.data, sa.types.NullType()).label("data")
    for at in range(0, len(wanted), 500):
        some = wanted[at : at + 500]
        query = sa.select(BLOBS.c.digest, as_it_is).where(BLOBS.c.digest.in_(some))
        for digest, data in db.execute(query):
            if isinstance(data, bytes) and hashlib.sha256(data).hexdigest() == digest:
                files[digest] = data
    return files


def as_json(value: object) -> str:
    """One text for equal values."""
    return json.dumps(value, allow_nan=False, sort_keys=True)


def now() -> str:
    """The time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
