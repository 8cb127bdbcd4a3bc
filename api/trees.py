"""The tree of a run and its nodes, as a script or a notebook uses them."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import drawing
from .archive import Archive as Store
from .archive import Node as Record
from .archive import over_start
from .evals import Estimate
from .export import export
from .frames import frame
from .records import diff_text, node_record
from .replays import replay_node
from .search.order import SandboxChoice, Say
from .search.studies.replay import Replay
from .search.studies.report import transfers

if TYPE_CHECKING:
    import pandas

log = logging.getLogger(__name__)


class Tree:
    """The nodes of one run as they stood when this was made, by number, oldest first.

    `tree[7]` is the node of that number, `len(tree)` how many there are. In a notebook a tree draws
    itself: what is planted or kept, and the gains over the start with 95 % intervals.
    """

    def __init__(self, archive: Store, run: str) -> None:
        """Read the run of that whole id; raises ArchiveError where it cannot be read."""
        self.run = run
        self._archive = archive
        self._records = archive.tree(run)

    def __len__(self) -> int:
        """How many nodes."""
        return len(self._records)

    def __iter__(self) -> Iterator["Node"]:
        """Nodes by number."""
        return (self._node(record) for record in self._records)

    def __getitem__(self, number: int) -> "Node":
        """The node of that number; raises ArchiveError if there is none."""
        return self._node(self._records[number])

    @property
    def best(self) -> "Node | None":
        """The kept node of the highest rank, None if none was kept.

        Validated nodes go before others, and confirmed ones before winners of races. Gains are
        ranked after shrinking each step by as much as its noise explains.
        """
        record = self._records.best()
        return None if record is None else self._node(record)

    @property
    def confirmed(self) -> list["Node"]:
        """Nodes that fresh evidence confirmed."""
        return [self._node(record) for record in self._records.confirmed()]

    @property
    def funnel(self) -> Mapping[str, int]:
        """How many proposals got how far: proposed, ..., confirmed, unproven, refuted."""
        return self._records.funnel()

    @cached_property
    def unit(self) -> str:
        """The unit of scores and gains."""
        return self._archive.task(self.run).metric.unit

    def children(self, number: int) -> list["Node"]:
        """What was made of the node of that number; raises ArchiveError if there is none."""
        return [self._node(record) for record in self._records.children(self._records[number])]

    def lineage(self, number: int) -> list["Node"]:
        """From a planted node down to that of the given number, that one included."""
        return [self._node(record) for record in self._records.lineage(self._records[number])]

    def frame(self) -> "pandas.DataFrame":
        """One row a node, indexed by number; needs pandas.

        Columns: `parent` (number), `kind`, `name`, `standing`, `idea`, `proposer`; `score` on the
        run's common seeds; `gain_over_start`, with standard error `gain_over_start_error`; `gain`
        over the parent with its 95 % interval `low` to `high` on `pairs` common seeds, which rank
        and choose; `size` in syntax nodes, `trials`, `cpu_seconds`, `turn`, `validated`. Scores and
        gains are in `unit`; gains are positive where a node is better. What does not apply is NA.
        Raises ImportError where pandas is not installed.
        """
        return frame(self._records)

    def svg(self, every: bool = False) -> str:
        """A drawing in SVG, with `every` node or only with what is planted or kept."""
        return drawing.svg(drawing.tree_rows(self._records, every), self.unit)

    def _node(self, record: Record) -> "Node":
        return Node(self._archive, record, self)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        run = self._archive.run(self.run)
        title = f"run {run.id}: {run.task_name}, {run.agent}"
        return drawing.tree_html(title, self._records, self.unit)

    def __repr__(self) -> str:
        """The run, and how many nodes it has."""
        return f"<Tree of run {self.run}: {len(self)} nodes, {len(self.confirmed)} confirmed>"


class Node:
    """A candidate with everything that was learned about it, as it stood when this was made.

    What candidates and agents wrote (`code`, `idea`, `reason`) is data of untrusted origin.
    """

    def __init__(self, archive: Store, record: Record, tree: Tree | None = None) -> None:
        """Show a record; the tree is read from the archive when it is needed, unless given."""
        self._archive, self._record = archive, record
        if tree is not None:
            self.tree = tree

    @cached_property
    def tree(self) -> Tree:
        """The tree that it stands in."""
        return Tree(self._archive, self._record.run)

    @property
    def id(self) -> str:
        """RUN.NUMBER, by which every verb of the command line knows it."""
        return self._record.id

    @property
    def number(self) -> int:
        """Its number in the run, in the order of proposals; the start is 0."""
        return self._record.number

    @property
    def turn(self) -> int:
        """The turn that made it what it is; a node that is measured again has a later one."""
        return self._record.turn

    @property
    def parent(self) -> "Node | None":
        """The node that it changes; None for the start and the baselines."""
        return None if self._record.parent is None else self.tree[self._record.parent]

    @property
    def children(self) -> list["Node"]:
        """Nodes that change it."""
        return self.tree.children(self.number)

    @property
    def standing(self) -> str:
        """What became of it.

        One of start, baseline, failed, invalid, no gain, promising, unproven, refuted, confirmed.
        """
        return self._record.standing

    @property
    def kept(self) -> bool:
        """Whether it may become a parent: confirmed, or under `explore` the winner of a race."""
        return self._record.kept

    @property
    def validated(self) -> bool:
        """Whether it was measured where a candidate could not touch the scores."""
        return self._record.validated

    @property
    def idea(self) -> str:
        """What it tries, in its proposer's words."""
        return self._record.candidate.idea

    @property
    def reason(self) -> str:
        """Why it is what it is; "" for what was planted."""
        return self._record.verdict.reason if self._record.verdict else self._record.failure

    @property
    def score(self) -> float | None:
        """Mean score on the run's common seeds, in `tree.unit`; None if it is not built on."""
        return self._record.score

    @property
    def gain(self) -> Estimate | None:
        """Gain over the parent with its 95 % interval, on the common seeds.

        These rank nodes and choose the best, so of many nodes the best one's looks too good: the
        sealed seeds of a report say what it is worth. In `tree.unit`, positive where it is better.
        None for what was not kept.
        """
        return self._record.verdict.estimate if self._record.verdict else None

    @property
    def gain_over_start(self) -> float | None:
        """Gain over the starting program, in `tree.unit`; None if it is not built on."""
        effect = self.tree._records.effects.get(self.number)
        return effect.gain if effect else None

    @property
    def over_start(self) -> Estimate | None:
        """The same with its 95 % interval and the number of seeds; None for the start itself.

        From all seeds that compare what is built on: the common ones, and those of claims. Runs of
        older versions have it from common seeds alone.
        """
        return over_start(self.tree._records, self._record)

    @property
    def files(self) -> Mapping[str, str]:
        """Its program: texts by the names of the task's editable files."""
        return self._record.candidate.files

    @property
    def code(self) -> str | Mapping[str, str]:
        """Its program: the text where that is one file, and else `files`."""
        files = self.files
        return next(iter(files.values())) if len(files) == 1 else files

    def record(self) -> dict[str, Any]:
        """Everything but the program, as JSON has it."""
        words = transfers(self._archive, self._record.run)
        return node_record(self._record, self.tree._records, words.get(self.number))

    def diff(self, other: "Node | None" = None) -> str:
        """How the program of `other`, the parent unless told, became this one: a unified diff.

        "" where nothing differs, or where there is no parent.
        """
        before = other if other is not None else self.parent
        return "" if before is None else diff_text(before._record, self._record)

    def replay(
        self,
        fresh_seeds: int = 0,
        sandbox: str = "auto",
        accept_unisolated: bool = False,
        warn: Say | None = None,
    ) -> Replay:
        """Measure it again: on its own seeds, or on so many fresh ones.

        The `outcome` is REPRODUCED, DRIFTED or FAILED, and `reason` says why. Isolated and
        reproduced, an unvalidated node becomes validated, which the archive records. `warn` is
        told what the sandbox does not isolate, which else is logged. Raises SandboxError where the
        sandbox cannot be opened, and ArchiveError for a program that may not run.
        """
        if fresh_seeds < 0:
            raise ValueError(f"fresh_seeds is {fresh_seeds}: give a number of seeds, or 0")
        sharing = self._archive.run(self._record.run).settings.sharing
        choice = SandboxChoice(sandbox, 1, accept_unisolated, sharing)
        with closing(choice.open(warn or log.warning)) as backend:
            return replay_node(self._archive, self._record, backend, fresh_seeds)

    def export(self, folder: str | Path) -> list[Path]:
        """Write it into a new folder, as files that run without Ratchet, and name those.

        Raises FileExistsError for a folder with anything in it, OSError where it cannot be written,
        and ArchiveError for a program that is not as its task demands.
        """
        return export(self._record, self._archive, Path(folder))

    def svg(self) -> str:
        """A drawing of what it descends from, with gains over the start."""
        rows = drawing.lineage_rows(self.tree._records, self._record)
        return drawing.svg(rows, self.tree.unit)

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        records, unit = self.tree._records, self.tree.unit
        return drawing.node_html(records, self._record, unit, self.diff())

    def __repr__(self) -> str:
        """One line."""
        return f"<Node {drawing.summary(self._record, self.over_start)}>"
