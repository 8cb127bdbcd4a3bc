"""What is written down beside the tree: noise, environments, events, and what models replied."""

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ..evals import Calibration
from .database import Database
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
        with self._reading() as db:
            data = db.execute(query).scalars().first()
        return None if data is None else Calibration.model_validate(data)

    def add_environment(self, environment: Mapping[str, str]) -> str:
        """Keep what a replay compares itself with, and return its digest."""
        digest = hashlib.sha256(as_json(dict(environment)).encode()).hexdigest()[:16]
        with self._writing() as db:
            once(db, ENVIRONMENTS, {"digest": digest, "data": dict(environment)})
        return digest

    def environment(self, digest: str) -> dict[str, str]:
        """Versions, machine and sandbox settings under which trials were measured."""
        with self._reading() as db:
            query = sa.select(ENVIRONMENTS.c.data).where(ENVIRONMENTS.c.digest == digest)
            return dict(db.execute(query).scalar_one_or_none() or {})

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
        with self._reading() as db:
            return [dict(row) for row in db.execute(query).mappings()]

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
        with self._reading() as db:
            found = db.execute(query).scalars().first()
        return None if found is None else dict(found)

    def replies(self, run: str, scope: str = "") -> list[dict[str, Any]]:
        """Every reply of a run, or of the scopes that begin so, by scope, request and number."""
        query = (
            sa.select(REPLIES)
            .where(REPLIES.c.run == run, REPLIES.c.scope.startswith(scope, autoescape=True))
            .order_by(REPLIES.c.scope, REPLIES.c.request, REPLIES.c.nth)
        )
        with self._reading() as db:
            return [dict(row) for row in db.execute(query).mappings()]
