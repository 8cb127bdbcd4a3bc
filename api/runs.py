"""Runs: begun, followed, stopped, taken up again, and read."""

import logging
from collections.abc import Generator
from contextlib import closing
from types import TracebackType
from typing import Self

from .archive import Archive as Store
from .evals import Estimate
from .growth import Growth
from .records import run_record
from .replays import replay_run
from .search.desk.purse import is_searched, stop_file
from .search.order import SandboxChoice, Say
from .search.studies.regrow import Rerun
from .trees import Node, Tree

REPLAY_WORKERS = 2

log = logging.getLogger(__name__)


class Run:
    """One search: under way in this process, in another one, or ended.

    Iterating follows it, see `__iter__`. In a `with` block it is stopped where the block ends. In a
    notebook it draws its tree as it stands.
    """

    def __init__(self, archive: Store, run: str, growth: Growth | None = None) -> None:
        """Show the run of that whole id; `growth` is what this process does for it."""
        self.id = run
        self._archive, self._growth = archive, growth

    @property
    def task(self) -> str:
        """The name of its task."""
        return self._archive.run(self.id).task_name

    @property
    def agent(self) -> str:
        """The name of the agent that proposes."""
        return self._archive.run(self.id).agent

    @property
    def tree(self) -> Tree:
        """Its nodes as they stand in the archive now."""
        return Tree(self._archive, self.id)

    @property
    def best(self) -> Node | None:
        """The best kept node so far, None if none was kept."""
        return self.tree.best

    @property
    def running(self) -> bool:
        """Whether it is being searched now, by this process or another."""
        if self._growth is not None and not self._growth.over:
            return True
        return is_searched(self._archive, self.id)

    def stop(self) -> None:
        """Ask it to end. Returns at once; `wait` waits for the end.

        This process begins no further job for it. Another process begins no further turn. What was
        measured is archived in either case, and `ratchet.resume` goes on from there.
        """
        if self._growth is not None and not self._growth.over:
            self._growth.stop()
        elif is_searched(self._archive, self.id):
            stop_file(self._archive, self.id).touch()

    def wait(self, seconds: float | None = None) -> Self:
        """Wait until this process has ended it, at most so many seconds; returns the run itself.

        A KeyboardInterrupt stops it, and is raised once everything is archived and the sandbox is
        closed. Raises what ended the search where that was an error: SandboxError, ModelError,
        AgentError or ArchiveError.
        """
        if self._growth is not None:
            self._growth.wait(seconds)
        return self

    def __iter__(self) -> Generator[Node]:
        """Nodes as they are settled, planted ones first; one that is measured again comes again.

        Ends when the search does, and raises what `wait` raises. Leaving the loop early stops the
        search. Of a run that this process does not search, the nodes are those archived by now.
        """
        if self._growth is None:
            yield from (Node(self._archive, state) for state in self._archive.states(self.id))
            return
        with closing(self._growth.follow()) as states:
            for state in states:
                yield Node(self._archive, state)

    def __enter__(self) -> Self:
        """This run, which the block stops at its end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, and wait until its sandbox is closed; raises what `wait` raises."""
        if self._growth is None:
            return
        self._growth.stop()
        if error is None:
            self._growth.wait()
        else:
            self._growth.finish()

    def replay(
        self, sandbox: str = "auto", accept_unisolated: bool = False, warn: Say | None = None
    ) -> Rerun:
        """Grow it again from its recorded replies and trials, at no cost, and compare the trees.

        The `outcome` is REPRODUCED or DRIFTED, and `reason` says why. Options and errors are those
        of `Node.replay`.
        """
        sharing = self._archive.run(self.id).settings.sharing
        choice = SandboxChoice(sandbox, REPLAY_WORKERS, accept_unisolated, sharing)
        with closing(choice.open(warn or log.warning)) as backend:
            return replay_run(self._archive, self.id, backend)

    def facts(self) -> dict[str, str]:
        """What a list of runs says of it."""
        record = run_record(self._archive.run(self.id), self._archive.tree(self.id))
        gain, behind = record["best_over_start"], record["best_behind"]
        return {
            "run": self.id,
            "task": record["task"],
            "agent": record["agent"],
            "created (UTC)": record["created"][:19],
            "nodes": str(record["nodes"]),
            "confirmed": str(record["funnel"]["confirmed"]),
            "best kept": "" if gain is None else f"{record['best']} {Estimate(**gain)}",
            "behind": "" if behind is None else behind["name"],
        }

    def _repr_html_(self) -> str:
        return self.tree._repr_html_()

    def __repr__(self) -> str:
        """Which run it is, and how far it has come."""
        state = "running" if self.running else "ended"
        return f"<Run {self.id}: {self.task}, {self.agent}, {len(self.tree)} nodes, {state}>"
