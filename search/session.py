"""One session of a run: search until its budget is gone, and record how that went."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..agents.base import AgentError
from ..agents.llm import ModelError
from ..archive import Node, Tree
from .desk.consent import Unanswered
from .desk.purse import STOPPED, Purse, forget, stop_file
from .loop import search, within
from .run import Run


class Session:
    """A run that is about to be searched, is searched, or was.

    `reason` says why the search has ended and is empty before; `seconds` is how long it took.
    """

    def __init__(self, run: Run, purse: Purse, minutes: float | None) -> None:
        """Be ready to search for so many minutes, or without end."""
        self.run, self.purse, self.minutes = run, purse, minutes
        self.reason, self.seconds = "", 0.0
        self._asked_to_stop = False

    def nodes(self) -> Iterator[Node]:
        """Search, and yield each new state of a node; raises what `loop.search` raises."""
        run, reasons = self.run, list[str]()
        data = {"environment": run.lab.environment, "workers": run.workers}
        run.archive.log(run.id, "started", data)
        began = time.monotonic()
        run.budget.begin(None if self.minutes is None else 60 * self.minutes)
        for node in search(run, self._more, reasons.append):
            yield node
            self._note_gpus()
        self.seconds = time.monotonic() - began
        self.reason = next(filter(None, reasons), "") or "asked to"
        record_stop(self.purse, self.reason, seconds=self.seconds)

    def stop(self) -> None:
        """Begin no further turn; `nodes` ends once what is on its way is finished."""
        self._asked_to_stop = True

    def _more(self, tree: Tree, turn: int) -> bool:
        unhindered = within(stop_file(self.run.archive, self.run.id))
        return not self._asked_to_stop and unhindered(tree, turn)

    def _note_gpus(self) -> None:
        """Record what GPUs have cost so far, so that a kill forgets only what is on its way."""
        if self.run.task.limits.gpus:
            self.run.archive.log(self.run.id, "spent", {"spent": self.run.budget.spent})


@contextmanager
def session(purse: Purse, open_run: Callable[[], Run], minutes: float | None) -> Iterator[Session]:
    """Hold a run for one session; whatever ends that is recorded, and raised again.

    Raises ArchiveError if another process searches the run.
    """
    archive, run_id = purse.archive, purse.run_id
    stop = stop_file(archive, run_id)
    with archive.hold(run_id):
        stop.unlink(missing_ok=True)
        try:
            opened = Session(open_run(), purse, minutes)
            yield opened
        except KeyboardInterrupt:
            record_stop(purse, "interrupted")
            raise
        except (AgentError, ModelError, Unanswered) as error:
            record_stop(purse, str(error))
            raise
        if not opened.reason:  # the caller has left before the search came to its end
            record_stop(purse, "asked to")
            return
        stop.unlink(missing_ok=True)
    forget(archive, run_id)


def record_stop(purse: Purse, reason: str, **facts: float) -> None:
    """Record why and when a session ended, and what the run has spent by then."""
    data = {"reason": reason, "spent": purse.budget.spent, **facts}
    purse.archive.log(purse.run_id, STOPPED, data)
