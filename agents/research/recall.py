"""Recall, without a model: what a proposer should know of the task and of the search so far.

Measured facts stand outside quoted blocks and everything that a candidate or a proposer wrote
stands inside. What is least useful is left out first, and that it was is said.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ...archive import Node
from ...sandbox.text import line, quoted
from ...tasks import Task
from ..base import Brief
from .distance import most_different
from .facts import outcome, rejected, settled

IDEA, REASON = 280, 160  # characters of what a proposer said, and of why it failed
FRAME = 420  # characters around a section's lines: its title and the frame of its block
DONORS = 3  # programs beside the parent's that are shown in full


class Briefing(NamedTuple):
    """`core` is the task and the parent program, `history` what else the search knows."""

    core: str
    history: str

    @property
    def digest(self) -> str:
        """Content address: equal briefings lead to equal questions."""
        return hashlib.sha256("\0".join(self).encode()).hexdigest()[:16]


class Entry(NamedTuple):
    """One node in a section: a line of facts, and what was said, which is untrusted."""

    fact: str
    said: str = ""


class Section(NamedTuple):
    """`share`: the part of the history's room that it may take. `whole`: quote entries one by one,
    as programs have to be."""

    title: str
    entries: Iterable[Entry]
    share: float
    whole: bool = False


def recall(brief: Brief, room: int) -> Briefing:
    """A briefing of at most `room` characters, unless the task and the parent alone are longer."""
    core = core_words(brief)
    room -= len(core)
    parts: list[str] = []
    left = room
    for section in sections(brief):
        text = _fitted(section, min(left, int(section.share * room)))
        if text:
            parts.append(text)
            left -= len(text) + 2
    return Briefing(core, "\n\n".join(parts))


def core_words(brief: Brief) -> str:
    """The task and the parent program, which every writer has to see."""
    return f"{task_words(brief.task)}\n\n{parent_words(brief)}"


def task_words(task: Task) -> str:
    """The task in words: its statement, its metric, and what a program may use."""
    own, metric = task.manifest, task.metric
    better = "lower" if metric.goal == "min" else "higher"
    return (
        f"# Task: {own.title}\n\n{own.statement.strip()}\n\n"
        f"Metric: {metric.name}, in {metric.unit}; {better} is better. Gains are positive where it "
        f"gets better. The smallest gain worth claiming is {metric.minimum_gain:g} {metric.unit}; "
        f"a run that diverges counts as {metric.worst:g}.\n"
        f"Editable files: {', '.join(own.editable)}. "
        f"{_allowed(task)} "
        f"One training job may use {own.limits.wall_seconds:g} s and {own.limits.memory_mb} MB."
    )


def _allowed(task: Task) -> str:
    """What the audit lets a program use."""
    own = task.manifest.audit
    if own.level == "program":
        return (
            "Ordinary Python is allowed: classes, torch.nn, torch.optim and the standard library. "
            "Not allowed: other processes, the network, eval, exec and text that is encoded."
        )
    return f"Allowed imports: {', '.join(own.imports) or 'none'}."


def parent_words(brief: Brief) -> str:
    """The parent program in full."""
    node = brief.parent
    fact = outcome(node, brief.task.metric)
    return f"# The parent program\n\n{fact}\n\n{program(node.candidate.files)}"


def program(files: Mapping[str, str]) -> str:
    """Source in quoted blocks, each after its name."""
    return "\n\n".join(f"{name}:\n{_whole(files[name])}" for name in sorted(files))


def sections(brief: Brief) -> Iterator[Section]:
    """Sections on the search, the most useful first; entries are made only as they are read."""
    tree, parent, metric = brief.tree, brief.parent, brief.task.metric
    newest = sorted(tree, key=lambda node: -node.number)
    siblings = [n for n in newest if n.parent == parent.number and n.verdict]
    lineage = tree.lineage(parent)
    shown_already = {parent.number, *(node.number for node in lineage)}
    others = [
        node
        for node in newest
        if node.parent != parent.number and node.number not in shown_already and settled(node)
    ]

    def told(nodes: Iterable[Node]) -> Iterator[Entry]:
        return (Entry(outcome(node, metric), said(node)) for node in nodes)

    def shown(nodes: Iterable[Node]) -> Iterator[Entry]:
        return (Entry(outcome(n, metric), program(n.candidate.files)) for n in nodes)

    yield Section("How the parent came about", told(reversed(lineage)), 0.2)
    yield Section("What a person rejected", told(filter(rejected, newest)), 0.15)
    yield Section("Tried from this parent before, newest first", told(siblings), 0.3)
    yield Section("Programs to borrow parts from", shown(donors(brief)), 0.5, whole=True)
    by = {word: [n for n in others if n.for_agents == word] for word in STANDINGS}
    for word, title in STANDINGS.items():
        fresh = (node for node in by[word] if not rejected(node))
        yield Section(title, told(fresh), 0.3)


STANDINGS = {
    "confirmed": "Confirmed elsewhere, newest first",
    "refuted": "Refuted on fresh seeds elsewhere, newest first",
    "no gain": "Too little gain elsewhere, newest first",
    "invalid": "Did not run, or was not allowed to, newest first",
}


def donors(brief: Brief) -> list[Node]:
    """The best node, and those most different from the parent among what may be built on."""
    tree, parent = brief.tree, brief.parent
    pool = [n for n in tree.eligible() if n.number != parent.number]
    leaders = sorted(pool, key=lambda n: (-tree.ranking[n.number], n.number))[:1]
    rest = [node for node in pool if node not in leaders]
    return [*leaders, *most_different(parent, rest, DONORS - 1)]


def said(node: Node) -> str:
    """The idea of a node, and why it came to nothing if no number says so."""
    idea = line(node.candidate.idea, IDEA)
    if node.verdict is None or node.verdict.evidence or rejected(node):
        return idea
    return f"{idea} -- ended: {line(node.verdict.reason, REASON)}"


def table(title: str, entries: Iterable[Entry], room: int) -> str:
    """Facts, then one quoted block of what was said, within `room` characters."""
    facts: list[str] = []
    quotes: list[str] = []
    used = FRAME + len(title)
    more = False
    for entry in entries:
        used += len(entry.fact) + len(entry.said) + 5
        if used > room:
            more = True
            break
        facts.append(entry.fact)
        quotes.append(f"{entry.fact.partition(' (')[0].partition(':')[0]}: {entry.said}")
    if not facts:
        return ""
    rest = "\n(older ones are left out)" if more else ""
    block = quoted("\n".join(quotes), 2 * used)
    return f"## {title}\n\n" + "\n".join(facts) + f"{rest}\n\n{block}"


def _programs(title: str, entries: Iterable[Entry], room: int) -> str:
    parts: list[str] = []
    used = FRAME + len(title)
    for entry in entries:
        used += len(entry.fact) + len(entry.said) + 4
        if used > room:
            break
        parts.append(f"{entry.fact}\n\n{entry.said}")
    return "\n\n".join([f"## {title}", *parts]) if parts else ""


def _fitted(section: Section, room: int) -> str:
    fit = _programs if section.whole else table
    return fit(section.title, section.entries, room)


def _whole(text: str) -> str:
    body = text.rstrip("\n")
    return quoted(body, 2 * len(body) + 1000)
