"""The archive as everything above it sees it: runs, nodes, trials and events, only ever added to.

It is kept behind SQLAlchemy, in SQLite (with a write-ahead log) unless a URL names PostgreSQL.
Every finished trial is committed when it is finished, so a killed search loses none. Files are kept
once, by content. Writes go through one lock; readers in other processes never wait for it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..evals import Calibration, Evaluation, Seed, Split, Trial
from ..sandbox import Isolation
from ..sandbox.text import line
from ..tasks import Task
from .database import Database
from .journal import Journal
from .lease import lease
from .node import Node
from .nodes import COMPANY, VALIDATED, Nodes
from .place import ArchiveError, Place
from .rows import Record
from .runs import RunRecord, Runs
from .tables import ENVIRONMENTS, EVENTS, REPLIES, RUNS, TRIALS, blob, fetch
from .tree import Tree
from .trials import Trials

LONGEST_NUMBER = 9  # digits of a node's


class Archive:
    """Everything ever tried. Only ever grows.

    `where` is what was given and may hold a password; `shown` is what may be printed of it.
    """

    def __init__(self, where: str | Path, create: bool = False) -> None:
        """Open the archive at a path or SQLAlchemy URL; `create` makes it if there is none.

        Raises ArchiveError where there is none, or none that this version reads.
        """
        self.database = Database(where, create)
        self.where, self.place = self.database.where, self.database.place
        self.shown = self.database.shown
        self._journal = Journal(self.database)
        self._runs, self._trials = Runs(self.database), Trials(self.database)
        self._nodes = Nodes(self.database, self._journal)

    @staticmethod
    def at(where: str | Path) -> Place:
        """The place that a path or URL names, whether or not there is an archive."""
        return Place.of(where)

    @staticmethod
    def exists(where: str | Path) -> bool:
        """Whether there is an archive; raises ArchiveError where that cannot be found out."""
        return Database.exists(where)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def record(self, model: type[Record], data: object, row: str) -> Record:
        """A cell as a record; raises ArchiveError, naming the row, if it is none."""
        return self.database.record(model, data, row)

    # Runs and tasks

    def start_run(self, run_id: str, task: Task, config: Mapping[str, Any]) -> None:
        """Record a run and the task files it will be judged by."""
        self._runs.start(run_id, task, config)

    def listed(self) -> list[tuple[str, RunRecord | ArchiveError]]:
        """Every run by its id, in the order in which they were made: its record, or its damage."""
        return self._runs.listed()

    def runs(self) -> list[RunRecord]:
        """Every run that can be read, in the order in which they were made."""
        return [record for _, record in self.listed() if isinstance(record, RunRecord)]

    def run(self, run_id: str | None = None) -> RunRecord:
        """One run by a unique beginning of its id; else the last made that is not a control.

        Raises ArchiveError if that run cannot be read, whatever the others are like.
        """
        return self._runs.find(run_id)

    def task(self, run_id: str) -> Task:
        """The task of a run as it was when the run began, with the data that the run draws."""
        return self._runs.task(self.run(run_id))

    # Nodes

    def add(self, node: Node) -> Node:
        """Append a node, or a later state of one; raises ArchiveError if it is another program."""
        self._nodes.add(node)
        return node

    def states(self, run_id: str) -> list[Node]:
        """Every state of every node of a run, in the order of the turns that made them.

        Raises ArchiveError for a run that is damaged, or that contradicts itself.
        """
        return self._nodes.states(run_id)

    def tree(self, run_id: str) -> Tree:
        """The nodes of a run; raises ArchiveError as `states` does."""
        return Tree(self.states(run_id))

    def node(self, name: str) -> Node:
        """A node by `RUN.NUMBER`, or by its number in the newest run.

        Raises ArchiveError for a name of another form, or of a node that is not there.
        """
        run_id, _, number = name.rpartition(".")
        if re.fullmatch(f"[0-9]{{1,{LONGEST_NUMBER}}}", number) is None:
            given = line(name, 100)
            raise ArchiveError(
                f"{given!r} is not a node: say RUN.NUMBER, or NUMBER in the last run"
            )
        tree = self.tree(self.run(run_id or None).id)
        if int(number) >= len(tree):
            there = f"nodes 0 to {len(tree) - 1}" if len(tree) else "no nodes yet"
            raise ArchiveError(f"there is no node {line(name, 100)}: the run has {there}")
        return tree[int(number)]

    def validate(self, node: Node, isolation: Isolation) -> None:
        """Record that `node`, measured without isolation, was reproduced with it."""
        self.log(node.run, VALIDATED, {"number": node.number, "isolation": isolation})

    def check_company(self, node: Node) -> None:
        """Record that the seeds of `node` were repeated beside others, and came out the same."""
        self.log(node.run, COMPANY, {"number": node.number})

    # Trials

    def add_trials(
        self, environment: str, task: str, candidate: str, split: Split, trials: Iterable[Trial]
    ) -> None:
        """Keep finished trials, under digests; those archived already stay as they are."""
        self._trials.add(environment, task, candidate, split, trials)

    def trials(
        self, environment: str, task: str, candidate: str, split: Split, seeds: Sequence[Seed]
    ) -> dict[Seed, Trial]:
        """The archived ones of the trials on these seeds, in the order of the seeds."""
        return self._trials.of(environment, task, candidate, split, seeds)

    def evaluation(
        self, node: Node, stream: str, seeds: Sequence[Seed], split: Split = "dev"
    ) -> Evaluation:
        """The trials of a node on these seeds, in their order; raises ArchiveError if one lacks."""
        task = self.run(node.run).task_digest
        trials = self.trials(node.environment, task, node.candidate.digest, split, seeds)
        missing = len(seeds) - len(trials)
        if missing:
            raise ArchiveError(f"{missing} of {len(seeds)} trials of {node.id} are not archived")
        return Evaluation(stream=stream, trials=tuple(trials[seed] for seed in seeds))

    # The journal

    def log(self, run_id: str, kind: str, data: Mapping[str, Any]) -> None:
        """Append an event such as `started`, `stopped` or `report`."""
        self._journal.log(run_id, kind, data)

    def events(self, run_id: str, kind: str | None = None) -> list[dict[str, Any]]:
        """The events of a run, or those of one kind, oldest first."""
        return self._journal.events(run_id, kind)

    def records(self, run_id: str, kind: str, model: type[Record]) -> list[Record]:
        """The events of a kind as records, oldest first; raises ArchiveError if one is none."""
        return self._journal.records(run_id, kind, model)

    def add_calibration(self, calibration: Calibration) -> None:
        """Keep what was measured of a task's noise; the newest of a task and environment counts."""
        self._journal.add_calibration(calibration)

    def calibration(self, task: str, environment: str) -> Calibration | None:
        """The newest calibration of a task in an environment, both by digest."""
        return self._journal.calibration(task, environment)

    def add_environment(self, environment: Mapping[str, str]) -> str:
        """Keep what a replay compares itself with, and return its digest."""
        return self._journal.add_environment(environment)

    def environment(self, digest: str) -> dict[str, str]:
        """Versions, machine and sandbox settings under which trials were measured."""
        return self._journal.environment(digest)

    def add_reply(
        self, run_id: str, scope: str, request: str, nth: int, data: Mapping[str, Any]
    ) -> None:
        """Keep the reply to the `nth` of the requests with this digest in a scope."""
        self._journal.add_reply(run_id, scope, request, nth, data)

    def reply(
        self, run_id: str | None, scope: str, request: str, nth: int
    ) -> dict[str, Any] | None:
        """The reply kept under these names, by a run or by any, if there is one."""
        return self._journal.reply(run_id, scope, request, nth)

    def replies(self, run_id: str, scope: str = "") -> list[dict[str, Any]]:
        """The replies of a run in scopes that begin so, by scope, request and number."""
        return self._journal.replies(run_id, scope)

    # One process a run, and copies of runs

    def hold(self, run_id: str) -> AbstractContextManager[None]:
        """Be the only process that grows a run; raises ArchiveError if another one does."""
        return lease(self.database, run_id)

    def lend(self, run_id: str, to: "Archive", decisions: Sequence[str] = ()) -> None:
        """Copy what a run was given, and nothing of what came of it: for a replay in `to`.

        That is its row, its task, the environments, all trials on the task, all replies, and the
        events of the kinds `decisions`.
        """
        record = self.run(run_id)
        conditions = {
            RUNS: RUNS.c.id == record.id,
            ENVIRONMENTS: sa.true(),
            TRIALS: TRIALS.c.task == record.task_digest,
            REPLIES: REPLIES.c.run == record.id,
            EVENTS: (EVENTS.c.run == record.id) & EVENTS.c.kind.in_(decisions),
        }
        rows = {
            table: self.database.rows(sa.select(table).where(condition), table)
            for table, condition in conditions.items()
        }
        with self.database.reading() as source:
            files = fetch(source, record.files.values())
        with to.database.writing() as target:
            for data in files.values():
                blob(target, data)
            for table, some in rows.items():
                if some:
                    target.execute(table.insert(), some)
