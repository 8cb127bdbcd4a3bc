"""Learn from archives what pays, and find what a search of a task begins with."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

from ..archive import Archive, ArchiveError, Node, RunRecord
from ..tasks import Task
from ..tasks.motifs import Facts
from .evolve.credit import Part, Totals, arms, noted, own_note, totals
from .evolve.factors import DRIFTS
from .evolve.guide import plain
from .evolve.ideas import credits as credits_of
from .evolve.learned import (
    Document,
    Learned,
    LearnedError,
    Taught,
    merged,
    read_file,
    version,
)
from .evolver import WEIGHTS
from .scripts.breeding import WEIGHTS as SCRIPT_WEIGHTS
from .scripts.pack import pytorch

SHIPPED = Path(__file__).parent / "learned.toml"
BESIDE = "learned.toml"  # the ending of the file that an archive's own searches begin with
EVOLVERS = ("evolver", "best_of_n")  # whose ideas tell what older proposals were made of
NOTHING = "nothing"  # in the place of a file: begin with the weights set by hand

Say = Callable[[str], object]


def own_file(where: str) -> Path:
    """The file beside an archive that its searches begin with, if it is there."""
    return Archive.at(where).beside(BESIDE)


def opened(asked: str | None, where: str, task: Task, say: Say) -> Learned:
    """What a search of `task` in the archive at `where` begins with.

    That is the file that is `asked` for, or nothing where `NOTHING` is; else the file beside the
    archive, else the one that comes with Ratchet. Names that nothing has are passed over, which
    `say` tells. Raises LearnedError for a file that cannot be used.
    """
    if asked == NOTHING:
        return Learned()
    beside = own_file(where)
    path = Path(asked) if asked else beside if beside.exists() else SHIPPED
    document = read_file(path)
    learned, unknown = document.learned(task.name).only(_known(task))
    if unknown:
        names = ", ".join(unknown[:8]) + (" ..." if len(unknown) > 8 else "")
        say(f"{path}: passed over, as nothing of the task or of `evolver` is called so: {names}")
    if path != SHIPPED:
        what = f"nothing of {task.name}" if learned == Learned() else "what earlier runs taught"
        say(f"{path}: the search begins with {what}")
    return learned


def shipped(task: Task) -> Learned:
    """What comes with Ratchet for a task."""
    return read_file(SHIPPED).learned(task.name).only(_known(task))[0]


def learn(archives: Iterable[Archive], say: Say) -> Document:
    """What all runs of some archives teach.

    A run that cannot be read, or whose proposals do not say what they were made of, is passed
    over, which `say` tells. Only nodes that were measured with isolation count. Raises
    LearnedError where no run teaches anything.
    """
    lessons: dict[str, list[tuple[Taught, Totals]]] = {}
    for archive in archives:
        for run_id, record in archive.listed():
            try:
                lesson = _lesson(archive, record)
            except ArchiveError as error:
                say(f"run {run_id} teaches nothing: {error}")
                continue
            if lesson is None:
                say(f"run {run_id} teaches nothing: its proposals do not say how they were made")
                continue
            lessons.setdefault(lesson[0].task, []).append(lesson)
    if not lessons:
        raise LearnedError(
            "no run teaches anything: learn from archives of searches of this version by `evolver`"
        )
    tasks = {name: merged(rows) for name, rows in sorted(lessons.items())}
    return Document(format=1, version=version(), tasks=tasks)


def _known(task: Task) -> Mapping[Part, Collection[str]]:
    """The names of edits and motifs that a search of a task may draw."""
    if not task.motifs.functions:
        names = {plain(motif.name) for motif in pytorch()}
        return {"edit": set(map(plain, SCRIPT_WEIGHTS)), "motif": names}
    motifs = {plain(motif.name) for motif in (*task.motifs.motifs, *DRIFTS)}
    return {"edit": set(map(plain, WEIGHTS)), "motif": motifs}


def _lesson(archive: Archive, record: RunRecord | ArchiveError) -> tuple[Taught, Totals] | None:
    if isinstance(record, ArchiveError):
        raise record
    tree = archive.tree(record.id).validated()
    task = archive.task(record.id)
    note_of = partial(_note, facts=task.motifs)
    notes = [note_of(node) for node in tree.proposals()]
    if not any(map(arms, notes)):
        return None
    taught = Taught(
        run=record.id,
        task=record.task_name,
        digest=record.task_digest,
        begun=record.created,
        proposals=sum(bool(arms(note)) for note in notes),
    )
    return taught, totals(tree, task.metric.minimum_gain, note_of)


def _note(node: Node, facts: Facts) -> str:
    """What a proposal was made of: its note says so, and else the idea of `evolver`."""
    if node.candidate.proposer not in EVOLVERS:
        return own_note(node)
    return own_note(node) or noted(credits_of(node.candidate.idea, facts))
