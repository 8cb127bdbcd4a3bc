"""Trees and nodes as a notebook shows them: SVG and HTML that need nothing else.

Names, ideas, reasons and programs come from candidates, agents and archives that anyone may have
made. So every text is cleaned and escaped before it goes into markup, also what looks like a number
of ours: a run's id is a text.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from .archive import Node, Tree, over_start
from .evals import Estimate
from .sandbox.text import clean, line

SIGNS = {
    "confirmed": ("✔", "#1a9850"),
    "repeated": ("✓", "#66a61e"),
    "simpler": ("≈", "#2c7fb8"),
    "unproven": ("~", "#b8a04a"),
    "refuted": ("✗", "#d9820a"),
    "promising": ("?", "#2c7fb8"),
    "no gain": ("·", "#8c8c8c"),
    "invalid": ("!", "#d73027"),
    "failed": ("!", "#d73027"),
    "start": ("●", "currentColor"),
    "baseline": ("○", "currentColor"),
}
ROW, INDENT, DEEPEST = 22, 16, 24  # pixels a row and a level, and levels that are told apart
LABELS, FOREST, MARGIN = 640, 240, 12  # pixels of the names, of the gains, and around both
LONGEST_CODE = 100_000  # characters


class Row(NamedTuple):
    """A node in a drawing, with its gain over the start; `hidden` children are left out."""

    node: Node
    depth: int
    gain: Estimate | None
    hidden: int = 0


def tree_rows(tree: Tree, every: bool) -> list[Row]:
    """Nodes depth first; without `every`, only what is planted or kept, and what hangs on that."""
    rows = list[Row]()
    stack = [(node, 0) for node in reversed(tree.roots())]
    while stack:
        node, depth = stack.pop()
        shown = [child for child in tree.children(node) if every or child.kept]
        hidden = len(tree.children(node)) - len(shown)
        rows.append(Row(node, depth, over_start(tree, node), hidden))
        stack += [(child, depth + 1) for child in reversed(shown)]
    return rows


def lineage_rows(tree: Tree, node: Node) -> list[Row]:
    """A node below all that it descends from."""
    lineage = enumerate(tree.lineage(node))
    return [Row(ancestor, depth, over_start(tree, ancestor)) for depth, ancestor in lineage]


def svg(rows: Sequence[Row], unit: str) -> str:
    """Nodes line by line, and their gains over the start with 95 % intervals beside them."""
    width, height = LABELS + FOREST + 3 * MARGIN, ROW * len(rows) + 2 * ROW
    names = "".join(_label(row, _middle(place)) for place, row in enumerate(rows))
    scale = _Scale.of(rows)
    bars = "".join(_bar(row, _middle(place), scale) for place, row in enumerate(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" style="max-width:100%;height:auto" font-family="sans-serif" '
        f'font-size="12" fill="currentColor" role="img">'
        f'<svg width="{LABELS}" height="{height}">{_links(rows)}{names}</svg>'
        f'<svg x="{LABELS + MARGIN}" width="{FOREST + 2 * MARGIN}" height="{height}">'
        f"{_axis(scale, len(rows), unit)}{bars}</svg></svg>"
    )


def tree_html(title: str, tree: Tree, unit: str) -> str:
    """The tree below its title, with how many proposals got how far."""
    funnel = ", ".join(f"{word} {count}" for word, count in tree.funnel().items())
    return (
        f"<div><strong>{_text(title)}</strong>{svg(tree_rows(tree, False), unit)}"
        f"<div>{_text(funnel)}</div></div>"
    )


def node_html(tree: Tree, node: Node, unit: str, difference: str) -> str:
    """One node: what it descends from, what is known of it, its program and what that changed."""
    facts = {name: value for name, value in _facts(tree, node, unit).items() if value}
    table = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{_text(name)}</th>'
        f'<td style="text-align:left">{_text(value)}</td></tr>'
        for name, value in facts.items()
    )
    parts = [_folded(name, text) for name, text in sorted(node.candidate.files.items())]
    parts += [_folded("changes to the parent", difference)] if difference else []
    return f"<div>{svg(lineage_rows(tree, node), unit)}<table>{table}</table>{''.join(parts)}</div>"


def runs_html(records: Iterable[Mapping[str, str]]) -> str:
    """A table of runs, one record each, all with the same keys."""
    rows = list(records)
    if not rows:
        return "<div>no runs</div>"
    head = "".join(f"<th>{_text(name)}</th>" for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in row.values())}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def summary(node: Node, over: Estimate | None) -> str:
    """A node in one line of plain text: standing, gain with its interval, idea.

    `over` is its gain over the start.
    """
    if node.verdict is None:
        name = node.kind if node.name == node.kind else f"{node.kind} {node.name}"
        words = node.failure or from_start(over)
        title = f"{node.number} {node.standing if node.failure else name}"
        return line(f"{title}: {words}" if words else title, 200)
    step = f" {node.verdict.estimate} over {node.parent}" if node.verdict.estimate else ""
    doubt = "" if node.validated else " (unvalidated)"
    return line(f"{node.number} {node.outcome}{doubt}{step}: {node.candidate.idea}", 200)


def from_start(gain: Estimate | None) -> str:
    """A gain over the start with its interval and count, "" for the start itself."""
    if gain is None:
        return ""
    return f"{gain} over the start" + (f" ({gain.pairs} seeds)" if gain.pairs > 1 else "")


class _Scale(NamedTuple):
    """Which gains lie where; `low` and `high` are those at the edges."""

    low: float
    high: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Scale | None":
        """The scale on which all bars and the start are to be seen; None without any gain."""
        ends = [end for row in rows for end in _interval(row)] + [0.0]
        low, high = min(ends), max(ends)
        return cls(low, high) if 0 < high - low < math.inf else None

    def x(self, gain: float) -> float:
        """Pixels from the left."""
        return MARGIN + FOREST * (gain - self.low) / (self.high - self.low)


def _interval(row: Row) -> tuple[float, ...]:
    if row.gain is None:
        return () if row.node.gain is None else (row.node.gain, row.node.gain)
    return (row.gain.low, row.gain.high)


def _middle(place: int) -> float:
    return ROW * (place + 0.5)


def _left(depth: int) -> int:
    return MARGIN + INDENT * min(depth, DEEPEST)


def _label(row: Row, y: float) -> str:
    sign, colour = SIGNS.get(row.node.outcome, ("·", "currentColor"))
    words = summary(row.node, row.gain)
    hidden = f"  [{row.hidden} children not shown]" if row.hidden else ""
    return (
        f'<g><title>{_text(words)}</title><text x="{_left(row.depth)}" y="{y + 4:g}">'
        f'<tspan fill="{colour}" font-weight="bold">{sign}</tspan> '
        f"{_text(words + hidden)}</text></g>"
    )


def _links(rows: Sequence[Row]) -> str:
    """A line to every node from its parent, or from the sibling above it, which hangs there too."""
    ends = {row.node.number: _middle(place) + 8 for place, row in enumerate(rows)}
    path = ""
    for place, row in enumerate(rows):
        if row.depth and row.node.parent in ends:
            x, y = _left(row.depth - 1) + 4, _middle(place)
            path += f"M{x} {ends[row.node.parent]:g}V{y:g}H{_left(row.depth) - 2}"
            ends[row.node.parent] = y
    return f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity="0.35"/>'


def _bar(row: Row, y: float, scale: _Scale | None) -> str:
    """The gain over the start as a dot, and its 95 % interval as a line."""
    if row.node.gain is None or scale is None:
        return ""
    gain = row.gain.gain if row.gain else row.node.gain
    _, colour = SIGNS.get(row.node.outcome, ("·", "currentColor"))
    low, high = map(scale.x, _interval(row))
    return (
        f'<path d="M{low:.1f} {y:g}H{high:.1f}" stroke="{colour}" stroke-width="2"/>'
        f'<circle cx="{scale.x(gain):.1f}" cy="{y:g}" r="3.5" fill="{colour}"/>'
    )


def _axis(scale: _Scale | None, rows: int, unit: str) -> str:
    """Where the start is, and what the edges stand for."""
    if scale is None:
        return ""
    zero, bottom = scale.x(0.0), ROW * rows
    ends = [(scale.low, "start"), (scale.high, "end")]
    numbers = "".join(
        f'<text x="{scale.x(gain):.1f}" y="{bottom + 14}" text-anchor="{anchor}">{gain:+.3g}</text>'
        for gain, anchor in ends
    )
    return (
        f'<path d="M{zero:.1f} 0V{bottom}" stroke="currentColor" stroke-opacity="0.35" '
        f'stroke-dasharray="3"/>{numbers}<text x="{MARGIN}" y="{bottom + 32}">'
        f"gain over the start, {_text(unit)}, 95 % intervals</text>"
    )


def _facts(tree: Tree, node: Node, unit: str) -> dict[str, str]:
    """What is known of a node, by heading; nothing for what does not apply."""
    verdict = node.verdict
    estimate = verdict.estimate if verdict else None
    over = ""
    if estimate:
        over = f"{estimate} {unit} over its parent, on {estimate.pairs} common seeds, which rank"
    return {
        "node": f"{node.id} {node.outcome}",
        "caution": "" if node.validated else "unvalidated: it ran without isolation",
        "idea": node.candidate.idea,
        "verdict": verdict.reason if verdict else node.failure,
        "gain": over,
        "over the start": from_start(over_start(tree, node)),
        "cost": f"{node.trials} trials, {node.cpu_seconds:.1f} CPU-seconds",
    }


def _folded(title: str, text: str) -> str:
    """A text that is shown once its title is clicked."""
    body = escape(clean(text, LONGEST_CODE))
    return f"<details><summary>{_text(title)}</summary><pre>{body}</pre></details>"


def _text(text: str) -> str:
    return escape(line(text))
