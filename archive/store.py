"""The archive on disk: append-only tables behind SQLAlchemy, SQLite (WAL) unless told otherwise.

Every finished trial is committed when it is finished, so a killed search loses none. Files are
kept once, by content. Writes go through one lock; readers in other processes never wait for it.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa

from ..evals import Evaluation, Seed, Split, Trial
from ..sandbox import Isolation
from ..sandbox.text import line
from ..tasks import Task, TaskError
from .database import ArchiveError
from .journal import Journal
from .lock import locked
from .rows import Checked, NodeRow, Validated, contradiction
from .runs import RunRecord
from .tables import (
    ENVIRONMENTS,
    EVENTS,
    NODES,
    REPLIES,
    RUNS,
    STATES,
    TRIALS,
    blob,
    fetch,
    now,
    once,
)
from .tree import Node, Tree
from .upgrade import upgraded

LONGEST_NUMBER = 9  # digits of a node's
VALIDATED = "validated"  # the kind of event that makes a node one that may be built on
COMPANY = "checked in other company"  # and of one that says its seeds were repeated beside others


class Archive(Journal):
    """Everything ever tried. Only ever grows."""

    # Runs and tasks

    def start_run(self, run: str, task: Task, config: Mapping[str, Any]) -> None:
        """Record a run and the task files it will be judged by."""
        with self._writing() as db:
            files = {name: blob(db, data) for name, data in task.files.items()}
            row = {"id": run, "task": task.digest, "files": files, "config": dict(config)}
            db.execute(RUNS.insert().values({**row, "created": now()}))

    def listed(self) -> list[tuple[str, RunRecord | ArchiveError]]:
        """Every run by its id, in the order in which they were made: its record, or its damage."""
        rows = self._rows(sa.select(RUNS).order_by(*self._order), RUNS)
        return [(line(str(row["id"]), 200), self._run(row)) for row in rows]

    def runs(self) -> list[RunRecord]:
        """Every run that can be read, in the order in which they were made."""
        return [record for _, record in self.listed() if isinstance(record, RunRecord)]

    def run(self, run_id: str | None = None) -> RunRecord:
        """One run by a unique beginning of its id; else the last made that is not a control.

        Raises ArchiveError if that run cannot be read, whatever the others are like.
        """
        every = self.listed()
        if not every:
            raise ArchiveError(f"{self.shown} holds no run yet: start one with `ratchet search`")
        own = [pair for pair in every if not _controls(pair[1])] or every
        chosen = [pair for pair in every if pair[0].startswith(run_id)] if run_id else own[-1:]
        exact = [pair for pair in chosen if pair[0] == run_id]
        if len(exact or chosen) != 1:
            names = ", ".join(name for name, _ in every[-8:])
            words = line(run_id or "", 100)
            raise ArchiveError(f"{words!r} names {len(chosen)} runs: use one of {names}")
        record = (exact or chosen)[0][1]
        if isinstance(record, ArchiveError):
            raise record
        return record

    def _run(self, row: Mapping[str, Any]) -> RunRecord | ArchiveError:
        try:
            return RunRecord.of(row, self.shown)
        except ArchiveError as error:
            return error

    def task(self, run: str) -> Task:
        """A run's task, as it was when the run began, with the data that the run draws."""
        record = self.run(run)
        name = f"the task of run {record.id}"
        with self._reading() as db:
            blobs = fetch(db, record.files.values())
        try:
            task = Task({path: blobs[digest] for path, digest in record.files.items()})
            return task.keyed(record.data)
        except KeyError:
            lost = next(path for path, digest in record.files.items() if digest not in blobs)
            raise self.damaged(name, f"{lost} is missing or damaged") from None
        except TaskError as error:
            raise self.damaged(name, str(error)) from error

    # Nodes

    def add(self, node: Node) -> Node:
        """Append a node, or a later state of one that is there.

        Raises ArchiveError if the node that is there is another program, or if that turn was taken:
        then another process grows the run too.
        """
        data = node.model_dump(mode="json")
        text = data["candidate"].pop("files")
        with self._writing() as db:
            files = {name: blob(db, source.encode()) for name, source in text.items()}
            row = {"run": node.run, "number": node.number, "data": data}
            query = sa.select(NODES.c.files).where(
                NODES.c.run == node.run, NODES.c.number == node.number
            )
            known = db.execute(query).scalar()
            if known is not None and known != files:
                raise _taken(node)
            try:
                if known is None:
                    db.execute(NODES.insert().values({**row, "files": files}))
                else:
                    db.execute(STATES.insert().values({**row, "turn": node.turn}))
            except sa.exc.IntegrityError as error:
                raise _taken(node) from error
        return node

    def states(self, run: str) -> list[Node]:
        """Every state of every node of a run, in the order of the turns that made them.

        Raises ArchiveError for a run that is damaged, or that contradicts itself.
        """
        rows = self._rows(sa.select(NODES).where(NODES.c.run == run), NODES)
        later = self._rows(sa.select(STATES).where(STATES.c.run == run), STATES)
        checked = [
            self.record(NodeRow, row, f"node {row['run']}.{row['number']}")
            for row in (*rows, *later)
        ]
        digests = {digest for row in checked for digest in row.files.values()}
        with self._reading() as db:
            blobs = fetch(db, digests)
        events = [
            self.record(Validated, event["data"], f"the event {event['id']} of run {run}")
            for event in self.events(run, VALIDATED)
        ]
        isolations = {event.number: event.isolation for event in events}
        replayed = {
            self.record(Checked, event["data"], f"the event {event['id']} of run {run}").number
            for event in self.events(run, COMPANY)
        }
        files = {row.number: row.files for row in checked[: len(rows)]}
        nodes = [
            self._node(row, isolations, files.get(row.number, {}), blobs).model_copy(
                update={"company_replayed": row.number in replayed}
            )
            for row in checked
        ]
        nodes.sort(key=lambda node: node.turn)
        if len(files) < len(rows):
            raise self.damaged(f"run {run}", "two of its nodes have the same number")
        if found := contradiction(nodes):
            raise self.damaged(f"node {found[0].id}", found[1])
        return nodes

    def tree(self, run: str) -> Tree:
        """The nodes of a run."""
        return Tree(self.states(run))

    def node(self, name: str) -> Node:
        """A node by `RUN.NUMBER`, or by its number in the newest run."""
        run, _, number = name.rpartition(".")
        if re.fullmatch(f"[0-9]{{1,{LONGEST_NUMBER}}}", number) is None:
            words = line(name, 100)
            raise ArchiveError(
                f"{words!r} is not a node: say RUN.NUMBER, or NUMBER in the last run"
            )
        tree = self.tree(self.run(run or None).id)
        if int(number) >= len(tree):
            there = f"nodes 0 to {len(tree) - 1}" if len(tree) else "no nodes yet"
            raise ArchiveError(f"there is no node {line(name, 100)}: the run has {there}")
        return tree[int(number)]

    def _node(
        self,
        row: NodeRow,
        isolations: Mapping[int, Isolation],
        files: Mapping[str, str],
        blobs: Mapping[str, bytes],
    ) -> Node:
        name = f"node {row.run}.{row.number}"
        try:
            data = upgraded(row.data)
            text = {path: blobs[digest].decode() for path, digest in files.items()}
            data = {**data, "candidate": {**data["candidate"], "files": text}}
            data["isolation"] = isolations.get(row.number) or self._isolation(data)
        except (LookupError, TypeError, ValueError) as error:
            raise self.damaged(name, f"it lacks {error}, or it is not what it should be") from error
        node = self.record(Node, data, name)
        turn = node.turn if row.turn is None else row.turn
        if (node.run, node.number, node.turn) != (row.run, row.number, turn):
            raise self.damaged(name, f"it says that it is {node.id} of turn {node.turn}")
        return node

    def _isolation(self, data: Mapping[str, Any]) -> str:
        """How a node was isolated; archives of schema 1 tell by the sandbox's name alone."""
        if "isolation" in data:
            return str(data["isolation"])
        docker = self.environment(data["environment"]).get("sandbox") == "docker"
        return "container" if docker else "none"

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
        """Keep finished trials; ones already held stay as they are."""
        key = {"environment": environment, "task": task, "candidate": candidate, "role": split}
        with self._writing() as db:
            for trial in trials:
                seed = {"seed": trial.seed.train, "sealed": trial.seed.sealed}
                once(db, TRIALS, {**key, **seed, "data": trial.model_dump(mode="json")})

    def trials(
        self, environment: str, task: str, candidate: str, split: Split, seeds: Sequence[Seed]
    ) -> dict[Seed, Trial]:
        """The trials held for these seeds."""
        query = sa.select(TRIALS.c.seed, TRIALS.c.data).where(
            TRIALS.c.environment == environment,
            TRIALS.c.task == task,
            TRIALS.c.candidate == candidate,
            TRIALS.c.role == split,
            TRIALS.c.seed.in_([seed.train for seed in seeds]),
        )
        held = {
            trial.seed: trial
            for row in self._rows(query, TRIALS)
            for trial in (
                self.record(Trial, row["data"], f"a trial of {candidate} on seed {row['seed']}"),
            )
        }
        return {seed: held[seed] for seed in seeds if seed in held}

    def evaluation(
        self, node: Node, stream: str, seeds: Sequence[Seed], split: Split = "dev"
    ) -> Evaluation:
        """A node's archived trials on these seeds, in their order."""
        task = self.run(node.run).task_digest
        held = self.trials(node.environment, task, node.candidate.digest, split, seeds)
        missing = len(seeds) - len(held)
        if missing:
            raise ArchiveError(f"{missing} of {len(seeds)} trials of {node.id} are not archived")
        return Evaluation(stream=stream, trials=tuple(held[seed] for seed in seeds))

    # Copies for a replay

    def lend(self, run: str, to: "Archive", decisions: Sequence[str] = ()) -> None:
        """Copy what a run was given, and nothing of what came of it: for a replay in `to`.

        That is its row, its task, the environments, all trials on the task, all replies, and the
        events of the kinds `decisions`.
        """
        record = self.run(run)
        wanted = {
            RUNS: RUNS.c.id == record.id,
            ENVIRONMENTS: sa.true(),
            TRIALS: TRIALS.c.task == record.task_digest,
            REPLIES: REPLIES.c.run == record.id,
            EVENTS: (EVENTS.c.run == record.id) & EVENTS.c.kind.in_(decisions),
        }
        rows = {
            table: self._rows(sa.select(table).where(condition), table)
            for table, condition in wanted.items()
        }
        with self._reading() as source:
            files = fetch(source, record.files.values())
        with to._writing() as target:
            for data in files.values():
                blob(target, data)
            for table, some in rows.items():
                if some:
                    target.execute(table.insert(), some)

    # One process a run

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Be the only process that grows `run`; raises ArchiveError if another one does.

        The lock dies with its process. Of a file it is a lock beside it, which reaches as far as
        the locks of its file system; of PostgreSQL it is the server's, and reaches every machine.
        """
        lock = self._locked(run) if self.place.file is None else self._beside(run)
        with lock as mine:
            if not mine:
                raise ArchiveError(
                    f"run {run} is being grown by another process: wait for it, or stop it first"
                )
            yield

    def _beside(self, run: str) -> AbstractContextManager[bool]:
        with self._readable():
            return locked(self.place.beside(f"{run}.lock"))

    @contextmanager
    def _locked(self, run: str) -> Iterator[bool]:
        """The server's lock on a run, which goes with the connection that took it."""
        digest = hashlib.sha256(f"ratchet run {run}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        with self._readable():
            db = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            mine = bool(db.execute(sa.select(sa.func.pg_try_advisory_lock(number))).scalar())
        try:
            yield mine
        finally:
            db.invalidate()  # closes the connection, and so lets go, whatever state it is in
            db.close()


def _controls(record: RunRecord | ArchiveError) -> bool:
    return isinstance(record, RunRecord) and bool(record.control_of)


def _taken(node: Node) -> ArchiveError:
    return ArchiveError(
        f"run {node.run} has another node {node.number} by now, or another turn {node.turn}: "
        "another process grows it too, so stop one of them and `ratchet resume` it"
    )
