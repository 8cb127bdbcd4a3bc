"""What is written down beside the tree: noise, environments, events, and what models replied."""

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ..evals import Calibration
from .database import Database
from .rows import Environment, EventRow, Record, Reply
from .tables import CALIBRATIONS, ENVIRONMENTS, EVENTS, REPLIES, as_json, now, once


class Journal(Database):
    """The lists of an archive, each only ever added to."""

    def add_calibration(self, calibration: Calibration) -> None:
        """Keep what was measured of a task's noise; the newest of a task and environment counts."""
        row = {"task": calibration.task, "environment": calibration.environment, "created": now()}
        with self._writing() as db:
            values = {**row, "data": calibration.model_dump(mode="json")}
            db.execute(CALIBRATIONS.insert().values(values))

    def calibration(self, task: str, environment: str) -> Calibration | None:
        """The newest calibration of a task, by digest, in an environment, by digest."""
        query = (
            sa.select(CALIBRATIONS.c.data)
            .where(CALIBRATIONS.c.task == task, CALIBRATIONS.c.environment == environment)
            .order_by(CALIBRATIONS.c.id.desc())
        )
        rows = self._rows(query.limit(1), CALIBRATIONS)
        if not rows:
            return None
        return self.record(Calibration, rows[0]["data"], f"the calibration of task {task}")

    def add_environment(self, environment: Mapping[str, str]) -> str:
        """Keep what a replay compares itself with, and return its digest."""
        digest = hashlib.sha256(as_json(dict(environment)).encode()).hexdigest()[:16]
        with self._writing() as db:
            once(db, ENVIRONMENTS, {"digest": digest, "data": dict(environment)})
        return digest

    def environment(self, digest: str) -> dict[str, str]:
        """Versions, machine and sandbox settings under which trials were measured."""
        query = sa.select(ENVIRONMENTS.c.data).where(ENVIRONMENTS.c.digest == digest)
        rows = self._rows(query, ENVIRONMENTS)
        if not rows:
            return {}
        return dict(self.record(Environment, rows[0], f"the environment {digest}").data)

    def log(self, run: str, kind: str, data: Mapping[str, Any]) -> None:
        """Append an event such as `started`, `stopped` or `report`."""
        with self._writing() as db:
            row = {"run": run, "time": now(), "kind": kind, "data": dict(data)}
            db.execute(EVENTS.insert().values(row))

    def events(self, run: str, kind: str | None = None) -> list[dict[str, Any]]:
        """A run's events, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.run == run).order_by(EVENTS.c.id)
        if kind is not None:
            query = query.where(EVENTS.c.kind == kind)
        return [
            self.record(EventRow, row, f"the event {row['id']} of run {run}").model_dump()
            for row in self._rows(query, EVENTS)
        ]

    def records(self, run: str, kind: str, model: type[Record]) -> list[Record]:
        """What a run's events of a kind say, as records, oldest first."""
        return [
            self.record(model, event["data"], f"the event {event['id']} of run {run} ({kind})")
            for event in self.events(run, kind)
        ]

    def add_reply(
        self, run: str, scope: str, request: str, nth: int, data: Mapping[str, Any]
    ) -> None:
        """Keep a reply, with its request, that served `scope`; `request` is the request's digest.

        `nth` counts equal requests of one scope.
        """
        key = {"run": run, "scope": scope, "request": request, "nth": nth}
        with self._writing() as db:
            once(db, REPLIES, {**key, "time": now(), "data": dict(data)})

    def reply(self, run: str | None, scope: str, request: str, nth: int) -> dict[str, Any] | None:
        """What was kept under these names, by `run` or by any, if anything was."""
        query = (
            sa.select(REPLIES.c.data)
            .where(REPLIES.c.scope == scope, REPLIES.c.request == request, REPLIES.c.nth == nth)
            .order_by(REPLIES.c.time)
        )
        if run is not None:
            query = query.where(REPLIES.c.run == run)
        rows = self._rows(query.limit(1), REPLIES)
        if not rows:
            return None
        return dict(self.record(Reply, rows[0], f"the reply {nth} to {request} of {scope}").data)

    def replies(self, run: str, scope: str = "") -> list[dict[str, Any]]:
        """Every reply of a run, or of the scopes that begin so, by scope, request and number."""
        query = sa.select(REPLIES).where(
            REPLIES.c.run == run, REPLIES.c.scope.startswith(scope, autoescape=True)
        )
        kept = list[dict[str, Any]]()
        for row in self._rows(query, REPLIES):
            self.record(Reply, {"data": row["data"]}, f"a reply to {row['scope']} of run {run}")
            kept.append(dict(row))
        # Not by the database, as each sorts text by rules of its own.
        return sorted(kept, key=lambda row: (row["scope"], row["request"], row["nth"]))
