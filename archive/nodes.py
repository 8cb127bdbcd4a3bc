"""Nodes on disk: a program is written once, and what is learned of it later is added."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ..sandbox import Isolation
from .database import Database
from .journal import Journal
from .node import Node
from .place import ArchiveError
from .rows import Checked, NodeRow, Validated, contradiction
from .tables import NODES, STATES, blob, fetch
from .upgrade import upgraded

VALIDATED = "validated"  # the kind of event that makes a node one that may be built on
COMPANY = "checked in other company"  # the kind that says its seeds were repeated beside others


class Nodes:
    """The nodes of an archive and their later states."""

    def __init__(self, database: Database, journal: Journal) -> None:
        """Keep nodes in `database`; the events that complete them stand in `journal`."""
        self._db, self._journal = database, journal

    def add(self, node: Node) -> None:
        """Append a node, or a later state of one that is there.

        Raises ArchiveError if the node that is there is another program, or if that turn was taken:
        then another process grows the run too.
        """
        data = node.model_dump(mode="json")
        sources = data["candidate"].pop("files")
        row = {"run": node.run, "number": node.number, "data": data}
        query = sa.select(NODES.c.files).where(
            NODES.c.run == node.run, NODES.c.number == node.number
        )
        with self._db.writing() as db:
            files = {name: blob(db, source.encode()) for name, source in sources.items()}
            archived = db.execute(query).scalar()
            if archived is not None and archived != files:
                raise _taken(node)
            try:
                if archived is None:
                    db.execute(NODES.insert().values({**row, "files": files}))
                else:
                    db.execute(STATES.insert().values({**row, "turn": node.turn}))
            except sa.exc.IntegrityError as error:
                raise _taken(node) from error

    def states(self, run_id: str) -> list[Node]:
        """Every state of every node of a run, in the order of the turns that made them.

        Raises ArchiveError for a run that is damaged, or that contradicts itself.
        """
        first = self._rows(NODES, run_id)
        rows = [*first, *self._rows(STATES, run_id)]
        files = {row.number: row.files for row in first}
        if len(files) < len(first):
            raise self._db.damaged(f"run {run_id}", "two of its nodes have the same number")
        with self._db.reading() as db:
            contents = fetch(db, {digest for paths in files.values() for digest in paths.values()})
        validated = self._journal.records(run_id, VALIDATED, Validated)
        isolations = {event.number: event.isolation for event in validated}
        replayed = {event.number for event in self._journal.records(run_id, COMPANY, Checked)}
        nodes = [
            self._node(row, isolations, files.get(row.number, {}), contents).model_copy(
                update={"company_replayed": row.number in replayed}
            )
            for row in rows
        ]
        nodes.sort(key=lambda node: node.turn)
        if fault := contradiction(nodes):
            raise self._db.damaged(f"node {fault[0].id}", fault[1])
        return nodes

    def _rows(self, table: sa.Table, run_id: str) -> list[NodeRow]:
        rows = self._db.rows(sa.select(table).where(table.c.run == run_id), table)
        return [self._db.record(NodeRow, row, f"node {row['run']}.{row['number']}") for row in rows]

    def _node(
        self,
        row: NodeRow,
        isolations: Mapping[int, Isolation],
        files: Mapping[str, str],
        contents: Mapping[str, bytes],
    ) -> Node:
        """The node of a row; `files` are digests of its program, `contents` the files by digest."""
        name = f"node {row.run}.{row.number}"
        try:
            data = upgraded(row.data)
            sources = {path: contents[digest].decode() for path, digest in files.items()}
            data = {**data, "candidate": {**data["candidate"], "files": sources}}
            data["isolation"] = isolations.get(row.number) or self._isolation(data)
        except (LookupError, TypeError, ValueError) as error:
            why = f"it lacks {error}, or it is not what it should be"
            raise self._db.damaged(name, why) from error
        node = self._db.record(Node, data, name)
        turn = node.turn if row.turn is None else row.turn
        if (node.run, node.number, node.turn) != (row.run, row.number, turn):
            why = f"it says that it is {node.id} of turn {node.turn}"
            raise self._db.damaged(name, why)
        return node

    def _isolation(self, data: Mapping[str, Any]) -> str:
        """How a node was isolated; archives of schema 1 name the sandbox only."""
        if "isolation" in data:
            return str(data["isolation"])
        docker = self._journal.environment(data["environment"]).get("sandbox") == "docker"
        return "container" if docker else "none"


def _taken(node: Node) -> ArchiveError:
    return ArchiveError(
        f"run {node.run} has another node {node.number} by now, or another turn {node.turn}: "
        "another process grows it too, so stop one of them and `ratchet resume` it"
    )
