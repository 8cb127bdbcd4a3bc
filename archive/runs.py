"""Runs: which task, by which agent, under which rule, and from which keys each was grown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..evals import Keys, Rule
from ..sandbox.text import line
from ..tasks import Task, TaskError
from .database import Database
from .place import ArchiveError
from .rows import Label, Record, RunRow, as_record
from .tables import RUNS, blob, fetch, now
from .upgrade import upgraded_config


class Settings(BaseModel):
    """The part of a run's configuration that archived facts are read by; a search knows the rest.

    Defaults are those of the oldest archives: published data, one key, shared sandboxes.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    task: Label
    agent: Annotated[Label, StringConstraints(min_length=1)] = "evolver"
    select: Label = "dgm"
    seed: int | None = None
    key: Label = ""
    secret: Label = ""
    data: int = Field(default=0, ge=0, lt=2**63)
    sharing: Literal["shared", "strict"] = "shared"
    control_of: Label = ""
    rule: Rule = Rule()


@dataclass(frozen=True)
class RunRecord:
    """One run of an archive, as it was begun; nothing of it ever changes.

    `created` is in UTC, `files` maps the paths of the task to digests of their contents, and
    `config` is the whole configuration as this version writes it. `archive` names the archive in
    error messages, without a password.
    """

    id: str
    task_digest: str
    created: str
    files: Mapping[str, str]
    config: Mapping[str, Any]
    archive: str

    @classmethod
    def of(cls, row: Mapping[str, Any], archive: str) -> "RunRecord":
        """Read a row of the runs; raises ArchiveError for one that is damaged."""
        checked = as_record(RunRow, row, f"run {row['id']}", archive)
        config = upgraded_config(checked.config)
        record = cls(checked.id, checked.task, checked.created, checked.files, config, archive)
        record.settings  # noqa: B018  checked now, so that no reader meets the error later
        return record

    def config_as(self, model: type[Record]) -> Record:
        """The configuration as a model of the caller's; raises ArchiveError if it is none."""
        return as_record(model, dict(self.config), f"run {self.id} (its config)", self.archive)

    @cached_property
    def settings(self) -> Settings:
        """What the archive itself reads of the configuration."""
        return self.config_as(Settings)

    @property
    def task_name(self) -> str:
        """The name of the task; `task_digest` says which version of it."""
        return self.settings.task

    @property
    def agent(self) -> str:
        """The name under which the agent was opened."""
        return self.settings.agent

    @property
    def select(self) -> str:
        """The name of the selection policy."""
        return self.settings.select

    @property
    def seed(self) -> int | None:
        """The seed that proposals follow from; None where they are not repeatable."""
        return self.settings.seed

    @property
    def control_of(self) -> str:
        """The run or bench that this run is a control or a part of; "" for a run of its own."""
        return self.settings.control_of

    @property
    def rule(self) -> Rule:
        """The standard of proof that the run's claims were held to."""
        return self.settings.rule

    @property
    def strict(self) -> bool:
        """Whether every seed ran in a fresh sandbox process."""
        return self.settings.sharing == "strict"

    @property
    def data(self) -> int:
        """The number that the task's data are drawn with; 0 is published data."""
        return self.settings.data

    @property
    def keys(self) -> Keys:
        """The keys that every seed of the run is drawn from."""
        return Keys.of(self.settings.key, self.settings.secret, self.data)

    @property
    def asks_models(self) -> bool:
        """Whether the run was given language models."""
        return bool(self.config.get("models"))


class Runs:
    """The runs of an archive, each with the files of its task."""

    def __init__(self, database: Database) -> None:
        """Read and write the runs in `database`."""
        self._db = database

    def start(self, run_id: str, task: Task, config: Mapping[str, Any]) -> None:
        """Record a run and the task files it will be judged by."""
        with self._db.writing() as db:
            files = {name: blob(db, data) for name, data in task.files.items()}
            row = {"id": run_id, "task": task.digest, "files": files, "config": dict(config)}
            db.execute(RUNS.insert().values({**row, "created": now()}))

    def listed(self) -> list[tuple[str, RunRecord | ArchiveError]]:
        """Every run by its id, in the order in which they were made: its record, or its damage."""
        rows = self._db.rows(sa.select(RUNS).order_by(*self._db.order), RUNS)
        return [(line(str(row["id"]), 200), self._read(row)) for row in rows]

    def find(self, run_id: str | None) -> RunRecord:
        """One run by a unique beginning of its id; else the last made that is not a control.

        Raises ArchiveError if no run or several have such an id, or if that run is damaged.
        """
        listed = self.listed()
        if not listed:
            shown = self._db.shown
            raise ArchiveError(f"{shown} holds no run yet: start one with `ratchet search`")
        own = [pair for pair in listed if not _is_control(pair[1])] or listed
        chosen = [pair for pair in listed if pair[0].startswith(run_id)] if run_id else own[-1:]
        exact = [pair for pair in chosen if pair[0] == run_id]
        if len(exact or chosen) != 1:
            names = ", ".join(name for name, _ in listed[-8:])
            given = line(run_id or "", 100)
            raise ArchiveError(f"{given!r} names {len(chosen)} runs: use one of {names}")
        record = (exact or chosen)[0][1]
        if isinstance(record, ArchiveError):
            raise record
        return record

    def task(self, record: RunRecord) -> Task:
        """The task of a run as it was when the run began, with the data that the run draws.

        Raises ArchiveError if a file of it is missing or damaged, or if they make no task.
        """
        name = f"the task of run {record.id}"
        with self._db.reading() as db:
            contents = fetch(db, record.files.values())
        try:
            task = Task({path: contents[digest] for path, digest in record.files.items()})
            return task.keyed(record.data)
        except KeyError:
            lost = next(path for path, digest in record.files.items() if digest not in contents)
            raise self._db.damaged(name, f"{lost} is missing or damaged") from None
        except TaskError as error:
            raise self._db.damaged(name, str(error)) from error

    def _read(self, row: Mapping[str, Any]) -> RunRecord | ArchiveError:
        try:
            return RunRecord.of(row, self._db.shown)
        except ArchiveError as error:
            return error


def _is_control(record: RunRecord | ArchiveError) -> bool:
    return isinstance(record, RunRecord) and bool(record.control_of)
