"""The journal beside the tree: noise, environments, events, and the replies of language models."""

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ..evals import Calibration
from .database import Database
from .rows import Environment, EventRow, Record, Reply
from .tables import CALIBRATIONS, ENVIRONMENTS, EVENTS, REPLIES, as_json, now, once


class Journal:
    """Lists beside the tree, each only ever added to."""

    def __init__(self, database: Database) -> None:
        """Keep the lists in `database`."""
        self._db = database

    def add_calibration(self, calibration: Calibration) -> None:
        """Keep what was measured of a task's noise; the newest of a task and environment counts."""
        row = {"task": calibration.task, "environment": calibration.environment, "created": now()}
        with self._db.writing() as db:
            values = {**row, "data": calibration.model_dump(mode="json")}
            db.execute(CALIBRATIONS.insert().values(values))

    def calibration(self, task: str, environment: str) -> Calibration | None:
        """The newest calibration of a task in an environment, both by digest."""
        query = (
            sa.select(CALIBRATIONS.c.data)
            .where(CALIBRATIONS.c.task == task, CALIBRATIONS.c.environment == environment)
            .order_by(CALIBRATIONS.c.id.desc())
        )
        rows = self._db.rows(query.limit(1), CALIBRATIONS)
        if not rows:
            return None
        return self._db.record(Calibration, rows[0]["data"], f"the calibration of task {task}")

    def add_environment(self, environment: Mapping[str, str]) -> str:
        """Keep what a replay compares itself with, and return its digest."""
        digest = hashlib.sha256(as_json(dict(environment)).encode()).hexdigest()[:16]
        with self._db.writing() as db:
            once(db, ENVIRONMENTS, {"digest": digest, "data": dict(environment)})
        return digest

    def environment(self, digest: str) -> dict[str, str]:
        """Versions, machine and sandbox settings under which trials were measured."""
        query = sa.select(ENVIRONMENTS.c.data).where(ENVIRONMENTS.c.digest == digest)
        rows = self._db.rows(query, ENVIRONMENTS)
        if not rows:
            return {}
        return dict(self._db.record(Environment, rows[0], f"the environment {digest}").data)

    def log(self, run_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Append an event such as `started`, `stopped` or `report`."""
        with self._db.writing() as db:
            row = {"run": run_id, "time": now(), "kind": kind, "data": dict(data)}
            db.execute(EVENTS.insert().values(row))

    def events(self, run_id: str, kind: str | None = None) -> list[dict[str, Any]]:
        """The events of a run, or those of one kind, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.run == run_id).order_by(EVENTS.c.id)
        if kind is not None:
            query = query.where(EVENTS.c.kind == kind)
        return [
            self._db.record(EventRow, row, f"the event {row['id']} of run {run_id}").model_dump()
            for row in self._db.rows(query, EVENTS)
        ]

    def records(self, run_id: str, kind: str, model: type[Record]) -> list[Record]:
        """The events of a kind as records, oldest first; raises ArchiveError if one is none."""
        return [
            self._db.record(
                model, event["data"], f"the event {event['id']} of run {run_id} ({kind})"
            )
            for event in self.events(run_id, kind)
        ]

    def add_reply(
        self, run_id: str, scope: str, request: str, nth: int, data: Mapping[str, Any]
    ) -> None:
        """Keep the reply to the `nth` of the requests with this digest in a scope."""
        key = {"run": run_id, "scope": scope, "request": request, "nth": nth}
        with self._db.writing() as db:
            once(db, REPLIES, {**key, "time": now(), "data": dict(data)})

    def reply(
        self, run_id: str | None, scope: str, request: str, nth: int
    ) -> dict[str, Any] | None:
        """The reply kept under these names, by a run or by any, if there is one."""
        query = (
            sa.select(REPLIES.c.data)
            .where(REPLIES.c.scope == scope, REPLIES.c.request == request, REPLIES.c.nth == nth)
            .order_by(REPLIES.c.time)
        )
        if run_id is not None:
            query = query.where(REPLIES.c.run == run_id)
        rows = self._db.rows(query.limit(1), REPLIES)
        if not rows:
            return None
        return dict(
            self._db.record(Reply, rows[0], f"the reply {nth} to {request} of {scope}").data
        )

    def replies(self, run_id: str, scope: str = "") -> list[dict[str, Any]]:
        """The replies of a run in scopes that begin so, by scope, request and number."""
        query = sa.select(REPLIES).where(
            REPLIES.c.run == run_id, REPLIES.c.scope.startswith(scope, autoescape=True)
        )
        replies = list[dict[str, Any]]()
        for row in self._db.rows(query, REPLIES):
            self._db.record(
                Reply, {"data": row["data"]}, f"a reply to {row['scope']} of run {run_id}"
            )
            replies.append(dict(row))
        # Not by the database, as each sorts text by rules of its own.
        return sorted(replies, key=lambda row: (row["scope"], row["request"], row["nth"]))
