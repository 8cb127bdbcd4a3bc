"""What one search consists of, and what both its parts need to know."""

import hashlib
from dataclasses import dataclass

from pydantic import Field

from ..archive import Archive
from ..evals import Candidate, judge, probe
from ..tasks import Frozen, Task
from .base import Agent
from .lab import Lab
from .select import Select

COMMON = "search/common"


class Config(Frozen):
    """Everything that can differ between two runs of a task; stored with the run."""

    task: str
    agent: str = "evolver"
    select: str = "dgm"
    sandbox: str = "auto"
    seed: int | None = None
    key: str
    lag: int = Field(default=3, ge=0)
    turns: int | None = Field(default=None, ge=1)
    novelty: bool = True
    rule: judge.Rule = judge.Rule()


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
        last = result.log.strip().splitlines()[-1:] or [result.status]
        return None, f"{result.status} in the smoke test: {last[0][:200]}", result.log
    return hashlib.sha256(result.reply).hexdigest()[:16], "", ""
