"""The parts of one search, and its configuration."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

from pydantic import Field

from ..agents.evolve.learned import Learned
from ..agents.opening import Opened
from ..archive import Archive, RunRecord, Tree
from ..evals import Candidate, Keys, Rule, probe
from ..sandbox.text import clean, line
from ..tasks import Frozen, Task
from .budget import Budget, Caps
from .desk.cassette import Cassette
from .desk.consent import Approver, Mode, Prompt
from .desk.desk import RunDesk
from .desk.roster import Models
from .faults import IN_A_ROW
from .lab import Lab
from .pace import Pace
from .select import Select


class Config(Frozen):
    """Everything that can differ between two runs of a task; stored with the run.

    `key` steers the search and may follow from `seed`; `secret` never does. `data` follows from the
    secret, and the task's data are drawn with it. With `company` a node's seeds are repeated beside
    others before it may claim anything. `learned` is what earlier runs had taught when it began;
    the agents of older runs learned nothing.
    """

    task: str
    agent: str = "evolver"
    select: str = "dgm"
    sandbox: str = "auto"
    seed: int | None = None
    key: str
    secret: str = ""  # runs of older archives have none
    data: int = Field(default=0, ge=0, lt=2**63)  # those of older archives have published data
    sharing: Literal["shared", "strict"] = "shared"
    lag: int = Field(default=3, ge=0)
    turns: int | None = Field(default=None, ge=1)
    novelty: bool = True
    tune: float = Field(default=0.0, ge=0, le=1)  # share of the trials; older runs did not tune
    schedule: Literal["adaptive", "fixed"] = "fixed"  # runs of older archives name none
    company: bool = False  # repeat seeds in other company; runs of older archives did not
    rule: Rule = Rule()
    control_of: str = ""  # the run that this one is a control of
    models: Models | None = None
    caps: Caps = Caps()
    approve: Mode = "never"
    learned: Learned | None = None

    @classmethod
    def of(cls, record: RunRecord) -> "Config":
        """The configuration of an archived run; raises ArchiveError if it is none."""
        return record.config_as(cls)

    @property
    def keys(self) -> Keys:
        """The keys from which every seed of the run is drawn."""
        return Keys.of(self.key, self.secret, self.data)


@dataclass(frozen=True)
class Run:
    """The parts of one search.

    `patience` is how many turns in a row may fail by the agent's fault, the last ending the search.
    """

    id: str
    config: Config
    agent: Opened
    select: Select
    lab: Lab
    archive: Archive
    workers: int = 2
    budget: Budget = field(default_factory=Budget)
    cassette: Cassette | None = None
    prompt: Prompt | None = None
    checkpoints: Path | None = None
    patience: int = IN_A_ROW
    pace: Pace = field(default_factory=Pace)  # of proposals

    @property
    def task(self) -> Task:
        """The task that is being improved."""
        return self.lab.task

    @property
    def approver(self) -> Approver:
        """The gate at which a person may be asked."""
        return Approver(self.archive, self.id, self.config.approve, self.prompt, self.budget)

    def desk(self, thread: str, tree: Tree) -> RunDesk:
        """The desk of the proposal called `thread`."""
        models = self.config.models
        if models is not None:
            place = thread.partition("/")[2]  # not the run's name, so that a run can be repeated
            models = models.chosen(tree, Random(f"{self.config.key}/{place}/model"))
        return RunDesk(
            thread,
            self.task,
            self.lab.sandbox,
            self.cassette,
            models,
            self.checkpoints,
            dry=self.approver.first,
            budget=self.budget,
        )


class Behaviour(NamedTuple):
    """What a candidate does on tiny tensors.

    `fingerprint` is equal for programs that do the same. Where the candidate failed it is None,
    `failure` is the reason, and `log` the output.
    """

    fingerprint: str | None
    failure: str = ""
    log: str = ""


def behaviour(run: Run, candidate: Candidate) -> Behaviour:
    """Run the candidate on tiny tensors, its smoke test."""
    result = probe(candidate, run.task, run.lab.sandbox)
    if result.status != "ok":
        last = line(clean(result.log).strip().split("\n")[-1], 200)
        quoted = f"; untrusted output: {json.dumps(last, ensure_ascii=False)}" if last else ""
        return Behaviour(None, f"{result.status} in the smoke test{quoted}", result.log)
    return Behaviour(hashlib.sha256(result.reply).hexdigest()[:16])
