"""What one search consists of, and what both its parts need to know."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ..archive import Archive
from ..evals import Candidate, Keys, Rule, probe
from ..sandbox.text import clean, line
from ..tasks import Frozen, Task
from .base import Agent
from .lab import Lab
from .select import Select


class Config(Frozen):
    """Everything that can differ between two runs of a task; stored with the run.

    `key` steers the search and may follow from `seed`; `secret` never does.
    """

    task: str
    agent: str = "evolver"
    select: str = "dgm"
    sandbox: str = "auto"
    seed: int | None = None
    key: str
    secret: str = ""  # runs of older archives have none
    isolation: Literal["shared", "strict"] = "shared"
    lag: int = Field(default=3, ge=0)
    turns: int | None = Field(default=None, ge=1)
    novelty: bool = True
    schedule: Literal["adaptive", "fixed"] = "fixed"  # runs of older archives name none
    rule: Rule = Rule()
    control_of: str = ""  # the run that this one is a control of

    @property
    def keys(self) -> Keys:
        """What every seed of the run is drawn from."""
        return Keys.of({"key": self.key, "secret": self.secret})


@dataclass(frozen=True)
class Run:
    """The parts of one search."""

    id: str
    config: Config
    agent: Agent
    select: Select
    lab: Lab
    archive: Archive
    workers: int = 2

    @property
    def task(self) -> Task:
        """What is being improved."""
        return self.lab.task


def behaviour(run: Run, candidate: Candidate) -> tuple[str | None, str, str]:
    """Fingerprint of what a candidate does on tiny tensors, or why it does nothing, and its log."""
    result = probe(candidate, run.task, run.lab.sandbox)
    if result.status != "ok":
        last = line(clean(result.log).strip().split("\n")[-1], 200)
        said = f"; untrusted output: {json.dumps(last, ensure_ascii=False)}" if last else ""
        return None, f"{result.status} in the smoke test{said}", result.log
    return hashlib.sha256(result.reply).hexdigest()[:16], "", ""
