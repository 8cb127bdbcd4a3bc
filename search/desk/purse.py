"""What one session of a run pays from: budget, cassette, and the files beside its archive."""

import glob
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from ...agents.llm import Endpoint
from ...archive import Archive, ArchiveError
from ...sandbox import Sandbox
from ...tasks import Task
from ..budget import UNITS, Budget, Caps, Resource
from ..lab import Lab
from ..metered import Metered
from .cassette import Cassette, spent
from .gateway import ModelGateway
from .roster import Models
from .wanted import connect

STOPPED = "stopped"  # the kind of event that ends a session


class SessionEnd(BaseModel):
    """The end of a session, and what the run had spent by then."""

    spent: Mapping[str, float] = {}


class Purse:
    """The budget, cassette and endpoint of one run. `close` lets go of the endpoint."""

    def __init__(
        self,
        archive: Archive,
        run_id: str,
        models: Models | None,
        budget: Budget,
        endpoint: Endpoint | None = None,
    ) -> None:
        """Open the cassette where there are models. Without an endpoint it only repeats replies."""
        self.archive, self.run_id, self.models, self.budget = archive, run_id, models, budget
        self.endpoint = endpoint
        self.cassette: Cassette | None = None
        if models is not None:
            self.cassette = Cassette(archive, run_id, endpoint, budget, models.prices)

    def lab(self, task: Task, sandbox: Sandbox, strict: bool) -> Lab:
        """A lab whose models and GPUs are paid from here."""
        gateway = None
        if self.cassette is not None and self.models is not None and task.manifest.model:
            gateway = ModelGateway(self.cassette, self.models)
        metered = Metered(sandbox, self.budget)
        return Lab(task, metered, self.archive, strict, gateway=gateway)

    def account(self) -> list[str]:
        """What the run has spent, as lines to print; none where nothing but time is spent."""
        amounts, caps = self.budget.spent, self.budget.caps.model_dump(exclude_none=True)
        shown = {*caps, *(["tokens", "dollars"] if self.models else [])} - {"seconds"}
        parts = [
            f"{amounts[name]:,.4g} {unit}" + (f" of {caps[name]:g}" if name in caps else "")
            for name, unit in UNITS.items()
            if name in shown
        ]
        return [f"spent: {', '.join(parts)}"] if parts else []

    def close(self) -> None:
        """Let go of the endpoint."""
        if self.endpoint is not None:
            self.endpoint.close()


def open_purse(archive: Archive, run_id: str, models: Models | None, budget: Budget) -> Purse:
    """The purse of a run that pays from `budget`, with the endpoint of its models."""
    endpoint = connect(models.api) if models else None
    return Purse(archive, run_id, models, budget, endpoint)


def budget_left(archive: Archive, run_id: str, models: Models | None, caps: Caps) -> Budget:
    """The budget of a run, with what its earlier sessions have spent by the archive."""
    spent_before: dict[Resource, float] = {}
    if models is not None:
        spent_before.update(spent(archive, run_id, models.prices))
    archived = any(record.id == run_id for record in archive.runs())
    spent_before["trials"] = archive.tree(run_id).trials if archived else 0.0
    ends = archive.records(run_id, STOPPED, SessionEnd)
    spent_before["gpu_seconds"] = max(
        (end.spent.get("gpu_seconds", 0.0) for end in ends), default=0.0
    )
    return Budget(caps, spent_before)


def exists(where: str) -> bool:
    """Whether there is an archive at a path or URL; raises ArchiveError if none can be reached."""
    return Archive.exists(where)


def is_searched(archive: Archive, run_id: str) -> bool:
    """Whether some process is searching a run now."""
    try:
        with archive.hold(run_id):
            return False
    except ArchiveError:
        return True


def stop_file(archive: Archive, run_id: str) -> Path:
    """The file whose existence asks a run to begin nothing new and to come to its end."""
    return archive.place.beside(f"{run_id}.stop")


def checkpoints(archive: Archive, run_id: str) -> Path:
    """Where the unfinished proposals of a run keep their place. Useless once the run has ended."""
    return archive.place.beside(f"{run_id}.graph")


def forget(archive: Archive, run_id: str) -> None:
    """Remove the checkpoints of a run, whose proposals are all archived by now."""
    own = checkpoints(archive, run_id)
    for path in (own, *own.parent.glob(f"{glob.escape(own.name)}-*")):
        path.unlink(missing_ok=True)
