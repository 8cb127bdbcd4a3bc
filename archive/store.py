"""The archive on disk: append-only tables behind SQLAlchemy, SQLite (WAL) unless told otherwise.

Every finished trial is committed when it is finished, so a killed search loses none. Files are
kept once, by content. Writes go through one lock; readers in other processes never wait for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from ..evals import Evaluation, Role, Seed, Trial
from ..sandbox import Isolation
from ..sandbox.text import line
from ..tasks import Task
from .database import ArchiveError
from .journal import Journal
from .lock import locked
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

    def runs(self) -> list[dict[str, Any]]:
        """Every run, oldest first: id, task digest and files, time of creation (UTC), config."""
        with self._reading() as db:
            rows = db.execute(sa.select(RUNS).order_by(RUNS.c.created, RUNS.c.id)).mappings()
            return [dict(row) for row in rows]

    def run(self, run: str | None = None) -> dict[str, Any]:
        """One run by a unique beginning of its id; else the newest that is not a control."""
        every = self.runs()
        if not every:
            raise ArchiveError(f"{self.where} holds no run yet: start one with `ratchet search`")
        own = [row for row in every if not row["config"].get("control_of")] or every
        found = [row for row in every if row["id"].startswith(run)] if run else own[-1:]
        if len(found) != 1:
            known = ", ".join(row["id"] for row in every[-8:])
            raise ArchiveError(f"{run!r} names {len(found)} runs: use one of {known}")
        return found[0]

    def task(self, run: str) -> Task:
        """A run's task, as it was when the run began."""
        with self._reading() as db:
            return Task(fetch(db, self.run(run)["files"]))

    # Nodes

    def add(self, node: Node) -> Node:
        """Append a node, or a later state of one that is there."""
        data = node.model_dump(mode="json")
        text = data["candidate"].pop("files")
        with self._writing() as db:
            files = {name: blob(db, source.encode()) for name, source in text.items()}
            row = {"run": node.run, "number": node.number, "data": data}
            known = sa.select(NODES.c.number).where(
                NODES.c.run == node.run, NODES.c.number == node.number
            )
            if db.execute(known).first() is None:
                db.execute(NODES.insert().values({**row, "files": files}))
            else:
                db.execute(STATES.insert().values({**row, "turn": node.turn}))
        return node

    def states(self, run: str) -> list[Node]:
        """Every state of every node of a run, in the order of the turns that made them."""
        with self._reading() as db:
            rows = db.execute(sa.select(NODES).where(NODES.c.run == run)).all()
            later = db.execute(sa.select(STATES).where(STATES.c.run == run)).all()
            blobs = fetch(db, {digest: digest for row in rows for digest in row.files.values()})
        validated = {
            event["data"]["number"]: event["data"]["isolation"]
            for event in self.events(run, VALIDATED)
        }
        checked = {event["data"]["number"] for event in self.events(run, COMPANY)}
        files = {row.number: row.files for row in rows}
        nodes = [
            self._node(
                {
                    **data,
                    "isolation": validated.get(row.number) or self._isolation(data),
                    "company_replayed": row.number in checked,
                },
                files[row.number],
                blobs,
            )
            for row in (*rows, *later)
            for data in (upgraded(row.data),)
        ]
        return sorted(nodes, key=lambda node: node.turn)

    def tree(self, run: str) -> Tree:
        """The nodes of a run."""
        return Tree(self.states(run))

    def node(self, name: str) -> Node:
        """A node by `RUN.NUMBER`, or by its number in the newest run."""
        run, _, number = name.rpartition(".")
        if not number.isdigit():
            raise ArchiveError(f"{name!r} is not a node: say RUN.NUMBER, or NUMBER in the last run")
        tree = self.tree(self.run(run or None)["id"])
        if int(number) >= len(tree):
            raise ArchiveError(f"there is no node {name}: the run has nodes 0 to {len(tree) - 1}")
        return tree[int(number)]

    def _node(
        self, data: dict[str, Any], files: Mapping[str, str], blobs: Mapping[str, bytes]
    ) -> Node:
        try:
            text = {name: blobs[digest].decode() for name, digest in files.items()}
            return Node.model_validate({**data, "candidate": {**data["candidate"], "files": text}})
        except (ValidationError, KeyError) as error:
            raise ArchiveError(
                f"{self.where} holds a node that cannot be read: {line(str(error))}"
            ) from error

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
        self, environment: str, task: str, candidate: str, role: Role, trials: Iterable[Trial]
    ) -> None:
        """Keep finished trials; ones already held stay as they are."""
        key = {"environment": environment, "task": task, "candidate": candidate, "role": role}
        with self._writing() as db:
            for trial in trials:
                seed = {"seed": trial.seed.train, "sealed": trial.seed.sealed}
                once(db, TRIALS, {**key, **seed, "data": trial.model_dump(mode="json")})

    def trials(
        self, environment: str, task: str, candidate: str, role: Role, seeds: Sequence[Seed]
    ) -> dict[Seed, Trial]:
        """The trials held for these seeds."""
        query = sa.select(TRIALS.c.data).where(
            TRIALS.c.environment == environment,
            TRIALS.c.task == task,
            TRIALS.c.candidate == candidate,
            TRIALS.c.role == role,
            TRIALS.c.seed.in_([seed.train for seed in seeds]),
        )
        with self._reading() as db:
            found = [Trial.model_validate(data) for data in db.execute(query).scalars()]
        held = {trial.seed: trial for trial in found}
        return {seed: held[seed] for seed in seeds if seed in held}

    def evaluation(
        self, node: Node, stream: str, seeds: Sequence[Seed], role: Role = "dev"
    ) -> Evaluation:
        """A node's archived trials on these seeds, in their order."""
        task = self.run(node.run)["task"]
        held = self.trials(node.environment, task, node.candidate.digest, role, seeds)
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
        row = self.run(run)
        wanted = {
            RUNS: RUNS.c.id == row["id"],
            ENVIRONMENTS: sa.true(),
            TRIALS: TRIALS.c.task == row["task"],
            REPLIES: REPLIES.c.run == row["id"],
            EVENTS: (EVENTS.c.run == row["id"]) & EVENTS.c.kind.in_(decisions),
        }
        with self._reading() as source, to._writing() as target:
            for data in fetch(source, row["files"]).values():
                blob(target, data)
            for table, condition in wanted.items():
                rows = source.execute(sa.select(table).where(condition)).mappings().all()
                if rows:
                    target.execute(table.insert(), [dict(each) for each in rows])

    # One process a run

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Be the only process that grows `run`; raises ArchiveError if another one does.

        The lock dies with its process. It does not reach across machines: there, the primary key of
        the nodes refuses the second writer.
        """
        if "://" in self.where:
            yield
            return
        with self._readable(), locked(Path(f"{self.where}.{run}.lock")) as mine:
            if not mine:
                raise ArchiveError(
                    f"run {run} is being grown by another process: wait for it, or stop it first"
                )
            yield
