"""The record of a run: which task, by whom, under which rule, and from which keys it was grown."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..evals import Keys, Rule
from .rows import Label, Record, RunRow, as_record
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
