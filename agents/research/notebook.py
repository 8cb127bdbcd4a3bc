"""The notebook: what a search has taught, in few lessons that rest on measured nodes.

A version is kept in the notes of the node whose proposal wrote it. Only texts and numbers of nodes
are a model's; what those nodes gained is looked up in the archive whenever a lesson is shown.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...archive import Node, Tree
from ...sandbox.text import line, quoted
from ...tasks import Metric
from .facts import outcome, settled
from .forms import Lessons

HEADING = "notebook"  # heading of the note that holds a version
LESSONS, TEXT, NODES = 8, 150, 4  # most lessons, characters of one, and nodes that it names
FRAME = 400  # characters around the lessons: a heading and the frame of a quoted block
SPANS = 24  # runs of node numbers that say what a version knew
FIRST = re.compile(r"notebook (\d{1,9}), knows ([\d, -]*)\Z")
LESSON = re.compile(r"- (.+) \[((?:\d{1,9}, )*\d{1,9})\]\Z")


@dataclass(frozen=True)
class Entry:
    """One lesson, and the numbers of the nodes that it rests on."""

    text: str
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class Notebook:
    """A version, and the nodes that were settled when it was written, as closed spans."""

    version: int = 0
    known: tuple[tuple[int, int], ...] = ()
    lessons: tuple[Entry, ...] = ()

    def knows(self, number: int) -> bool:
        """Whether a node was settled when this version was written."""
        return any(first <= number <= last for first, last in self.known)

    def __str__(self) -> str:
        """As it is kept: at most 2,000 characters, in lines that `parse` reads."""
        spans = ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in self.known)
        lessons = [f"- {e.text} [{', '.join(map(str, e.nodes))}]" for e in self.lessons]
        return "\n".join([f"notebook {self.version}, knows {spans}", *lessons])


def parse(text: str) -> Notebook | None:
    """Read what a node's notes hold; None for what no notebook looks like."""
    head, *rest = text.split("\n")
    header = FIRST.match(head)
    lessons = [LESSON.match(line) for line in rest]
    if header is None or not all(lessons):
        return None
    entries = tuple(Entry(line(m[1], TEXT), _numbers(m[2])[:NODES]) for m in lessons if m)
    return Notebook(int(header[1]), tuple(_spans_of(header[2])), entries[:LESSONS])


def newest(tree: Tree) -> Notebook:
    """The latest version among a tree's nodes; of equal versions that of the later node."""
    notebooks = [
        (kept.version, node.number, kept)
        for node in tree
        if (text := node.candidate.notes.get(HEADING)) and (kept := parse(text))
    ]
    return max(notebooks, key=lambda row: row[:2])[2] if notebooks else Notebook()


def unknown(notebook: Notebook, tree: Tree) -> list[Node]:
    """The settled nodes that a notebook did not know of, oldest first."""
    return [node for node in tree if settled(node) and not notebook.knows(node.number)]


def rewritten(before: Notebook, lessons: Lessons, tree: Tree) -> Notebook:
    """The next version: what is long is cut, and what rests on no measured node is dropped."""
    numbers = {node.number for node in tree if settled(node) or node.verdict is None}
    entries: list[Entry] = []
    for lesson in lessons.lessons:
        nodes = tuple(n for n in dict.fromkeys(lesson.nodes) if n in numbers)[:NODES]
        text = line(lesson.text, TEXT)
        if text and nodes and text not in [entry.text for entry in entries]:
            entries.append(Entry(text, nodes))
    settled_spans = _spans([node.number for node in tree if settled(node)])
    return Notebook(before.version + 1, settled_spans, tuple(entries[:LESSONS]))


def words(notebook: Notebook, tree: Tree, metric: Metric, room: int) -> str:
    """The notebook for a prompt: the facts behind each lesson, then the lessons, quoted.

    Lessons beyond `room` characters are left out, the last ones first.
    """
    nodes = {node.number: node for node in tree}
    facts: list[str] = []
    texts: list[str] = []
    room -= FRAME
    for place, entry in enumerate(notebook.lessons, 1):
        outcomes = [f"- {outcome(nodes[n], metric)}" for n in entry.nodes if n in nodes]
        added = [f"Lesson {place} rests on:", *outcomes]
        room -= sum(len(line) + 1 for line in added) + len(entry.text) + len("| lesson 1: \n")
        if room < 0:
            break
        if outcomes:
            facts += added
            texts.append(f"lesson {place}: {entry.text}")
    if not texts:
        return ""
    block = quoted("\n".join(texts), 2 * TEXT * LESSONS)
    return f"## Notebook, version {notebook.version}\n\n" + "\n".join(facts) + f"\n\n{block}"


def _spans(numbers: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Sorted numbers as closed spans; of too many, those with the smallest numbers are joined."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    extra = len(spans) - SPANS
    return tuple([(spans[0][0], spans[extra][1]), *spans[extra + 1 :]] if extra > 0 else spans)


def _spans_of(text: str) -> Iterable[tuple[int, int]]:
    for part in text.split(", "):
        first, _, last = part.partition("-")
        if first.isdigit() and (last.isdigit() or not last):
            yield int(first), int(last or first)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(", "))
