"""What one session of a run works with: ledger, cassette, and the files beside its archive."""

import glob
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from ...app.cli.models import connect
from ...archive import Archive, ArchiveError
from ...sandbox import Sandbox
from ...tasks import Task
from ..budget import UNITS, Budget, Caps, Resource
from ..lab import Lab
from ..metered import Metered
from .cassette import Cassette, spent
from .desk import ModelGateway
from .roster import Models

STOPPED = "stopped"  # the kind of event that ends a session


class Ended(BaseModel):
    """How a session ended: what the run had spent by then."""

    spent: Mapping[str, float] = {}


class Purse:
    """The means of one run. `close` it to let go of the endpoint."""

    def __init__(self, archive: Archive, run: str, models: Models | None, budget: Budget) -> None:
        """Open the cassette where models are asked."""
        self.archive, self.run, self.models, self.budget = archive, run, models, budget
        self.endpoint = connect(models.api) if models else None
        self.cassette: Cassette | None = None
        if models is not None:
            self.cassette = Cassette(archive, run, self.endpoint, budget, models.prices)

    def lab(self, task: Task, sandbox: Sandbox, strict: bool) -> Lab:
        """A lab whose models and GPUs are paid from here."""
        gateway = None
        if self.cassette is not None and self.models is not None and task.manifest.model:
            gateway = ModelGateway(self.cassette, self.models)
        metered = Metered(sandbox, self.budget)
        return Lab(task, metered, self.archive, strict, gateway=gateway)

    def account(self) -> list[str]:
        """What the run has spent, in words, where that is more than time on this machine."""
        found, caps = self.budget.spent, self.budget.caps.model_dump(exclude_none=True)
        told = {*caps, *(["tokens", "dollars"] if self.models else [])} - {"seconds"}
        parts = [
            f"{found[name]:,.4g} {unit}" + (f" of {caps[name]:g}" if name in caps else "")
            for name, unit in UNITS.items()
            if name in told
        ]
        return [f"spent: {', '.join(parts)}"] if parts else []

    def close(self) -> None:
        """Let go of the endpoint."""
        if self.endpoint is not None:
            self.endpoint.close()


def purse(archive: Archive, run: str, models: Models | None, caps: Caps) -> Purse:
    """The means of a run, less what its earlier sessions have spent."""
    known = any(record.id == run for record in archive.runs())
    before: dict[Resource, float] = dict(spent(archive, run, models.prices)) if models else {}
    before["trials"] = archive.tree(run).trials if known else 0.0
    ended = archive.records(run, STOPPED, Ended)
    before["gpu_seconds"] = max((each.spent.get("gpu_seconds", 0.0) for each in ended), default=0.0)
    return Purse(archive, run, models, Budget(caps, before))


def exists(where: str) -> bool:
    """Whether there is an archive at a path or URL; raises ArchiveError if that cannot be seen."""
    return Archive.exists(where)


def is_searched(archive: Archive, run: str) -> bool:
    """Whether a process grows a run now."""
    try:
        with archive.hold(run):
            return False
    except ArchiveError:
        return True


def stop_file(archive: Archive, run: str) -> Path:
    """The file whose existence asks a run to begin nothing new and to come to its end."""
    return archive.place.beside(f"{run}.stop")


def checkpoints(archive: Archive, run: str) -> Path:
    """Where the unfinished proposals of a run keep their place; of no use once it has ended."""
    return archive.place.beside(f"{run}.graph")


def forget(archive: Archive, run: str) -> None:
    """Remove the checkpoints of a run: what they led to is archived."""
    own = checkpoints(archive, run)
    for path in (own, *own.parent.glob(f"{glob.escape(own.name)}-*")):
        path.unlink(missing_ok=True)
