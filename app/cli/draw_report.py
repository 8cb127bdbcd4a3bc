"""Draw the report of a run: what `pages.findings` has to say of it, section by section."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ...search.studies.controls import ControlsTable
from ..pages import sentences
from ..pages.findings import Findings, sections
from .view import UNVALIDATED


def draw(findings: Findings) -> RenderableType:
    """The sections one below the other."""
    parts: list[RenderableType] = []
    for section in sections(findings):
        parts.append(Text(section.heading, style="bold"))
        texts = section.sentences
        if section.table is not None:
            parts.append(controls_table(section.table))
            texts = texts[len(section.table.rows) :]
        parts += [Padding(Text(text), (0, 0, 0, 2), expand=False) for text in texts]
    if findings.readings and not findings.readings[-1].validated:
        parts.append(UNVALIDATED)
    return Group(*parts)


def controls_table(table: ControlsTable) -> RenderableType:
    """The controlled search above its controls."""
    drawing = Table(box=None, padding=(0, 2))
    for column in ("search", "run", "trials", "proposals", "kept", "best node"):
        drawing.add_column(column)
    for column in ("development", "behind", "unseen", "a higher screen mean would have kept"):
        drawing.add_column(column)
    for row in table.rows:
        best = row.best.rpartition(".")[2] + ("" if row.validated else " (unvalidated)")
        gains = [str(gain or "-") for gain in (row.dev, row.behind, row.transfer)]
        numbers = [str(row.trials), str(row.proposals), sentences.kept(row)]
        cells = [row.search, row.run, *numbers, best or "-", *gains, sentences.naive(row)]
        drawing.add_row(*map(Text, cells))
    return drawing
