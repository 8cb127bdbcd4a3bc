"""Draw runs, trees and nodes. Text that came from a candidate is cleaned and never markup."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Drawing

from ...archive import Node, RunRecord, Tree, ahead, over_start
from ...drawing import from_start
from ...evals import judge
from ...sandbox.text import line as one_line
from ...tasks import Level, trust_line
from ..pages import sentences
from ..pages.seeds import LEGEND

STYLES = {
    "confirmed": ("✔", "bold green"),
    "repeated": ("✓", "green"),
    "simpler": ("≈", "cyan"),
    "unproven": ("~", "yellow"),
    "refuted": ("✗", "yellow"),
    "promising": ("?", "cyan"),
    "no gain": ("·", "dim"),
    "invalid": ("!", "red"),
    "failed": ("!", "red"),
    "start": ("●", "bold"),
    "baseline": ("○", "bold"),
}
NOTHING = MappingProxyType[int, judge.Transfer]({})  # no report has read anything
UNVALIDATED = Text(
    "unvalidated: it ran without isolation, where a candidate could have written its own scores; "
    "`ratchet replay` with docker or namespace validates what it reproduces",
    style="bold yellow",
)


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def heading(facts: Mapping[str, str]) -> RenderableType:
    """A few labelled lines."""
    table = Table.grid(padding=(0, 2))
    for label, value in facts.items():
        table.add_row(Text(label, style="dim"), Text(value))
    return table


def node_line(tree: Tree, node: Node, transfer: judge.Transfer | None = None) -> Text:
    """A node in one line: number, sign, gain with interval, idea; and what a report says of it."""
    sign, style = STYLES[node.outcome]
    line = Text(f"{sign} {node.number} ", style=style)
    if node.verdict is None:
        line.append(f"{node.name}  ", style="bold")
        if node.failure:
            line.append(f"failed, and is compared with nothing: {node.failure}", style="red")
            return line
        line.append(from_start(over_start(tree, node)), style="dim")
        return line
    line.append(f"{node.outcome}  ", style=style)
    if node.level != "counted":
        line.append(f"{node.level}  ", style="dim")
    if not node.validated:
        line.append("unvalidated  ", style="bold yellow")
    if node.kept and not node.company_checked:
        line.append(f"{sentences.NO_COMPANY}  ", style="bold yellow")
    if node.verdict.estimate is not None:
        line.append(f"{node.verdict.estimate} over {node.parent}  ", style=style)
        line.append(f"{from_start(over_start(tree, node))}  ", style="dim")
    if transfer:
        line.append("transfer unknown  " if transfer == "unknown" else f"{transfer}  ", style=style)
    line.append(one_line(node.candidate.idea, 160))
    if node.given_up or node.standing == "invalid":
        line.append(f"  ({one_line(node.verdict.reason, 300)})", style="dim")
    return line


def best_line(tree: Tree, unit: str) -> str:
    """The best kept node so far, and the planted one that it stands behind, if any."""
    best = tree.best()
    if best is None or best.verdict is None or best.verdict.estimate is None:
        return "nothing confirmed yet"
    front = ahead(tree, best)
    unconfirmed = {"confirmed": "", "repeated": " (repeated, not confirmed)"}.get(
        best.standing, " (not confirmed)"
    )
    behind = f", behind {front.rival.name} by {front.by} {unit}" if front else ""
    return (
        f"node {best.number}{behind}{unconfirmed}: "
        f"{best.verdict.estimate} {unit} over its parent, "
        f"{from_start(over_start(tree, best))}{'' if best.validated else ' (unvalidated)'}"
    )


def tree_view(
    record: RunRecord, tree: Tree, every: bool, transfers: Mapping[int, judge.Transfer] = NOTHING
) -> RenderableType:
    """The run as an indented tree; without `every`, only what is planted or confirmed.

    `transfers` says by number which nodes hold on unseen workloads.
    """
    title = f"run {record.id}  {record.task_name}  {record.agent}"
    drawing = Drawing(Text(title, style="bold"))
    branches = dict[int | None, Drawing]()
    for node in tree:  # a parent comes before its children, however deep they lie
        above = drawing if node.verdict is None else branches.get(node.parent)
        if above is None or not (every or node.kept or node.verdict is None):
            continue
        line = node_line(tree, node, transfers.get(node.number))
        hidden = 0 if every else sum(not child.kept for child in tree.children(node))
        if hidden:
            line.append(f"  [{hidden} children not shown]", style="dim")
        branches[node.number] = above.add(line)
    level: Level = next((node.level for node in tree), "counted")
    legend = [trust_line(level)] if level != "counted" else []
    legend += [LEGEND] if any(node.kept for node in tree) else []
    legend += [f"claims {sentences.budget(record.rule)}"] if tree.claims() else []
    return Group(drawing, *(Text(words, "dim") for words in legend), funnel_line(tree))


def funnel_line(tree: Tree) -> Text:
    """How many proposals got how far."""
    return Text("  ".join(f"{word} {count}" for word, count in tree.funnel().items()), style="dim")


def next_commands(run: str, best: Node | None, archive_option: str) -> RenderableType:
    """What to type next; `archive_option` is what every command needs to find the archive."""
    lines = [f"tree {run} --all", f"resume {run} --minutes 10"]
    if best is not None:
        node = best.id
        news = [f"show {node}", f"replay {node}", f"replay {node} --fresh-seeds 32"]
        lines = [*news, f"export {node}", f"report {run} --ablation --controls", *lines]
    return Group(
        Text("next:", style="bold"), *(Text(f"  ratchet {line}{archive_option}") for line in lines)
    )


def diff_view(record: Mapping[str, Any]) -> RenderableType:
    """A unified diff in colour."""
    return Syntax(record["diff"] or "no difference", "diff", background_color="default")


def replay_view(record: Mapping[str, Any]) -> RenderableType:
    """The verdict of a replay, and what is not as it was."""
    style = {"REPRODUCED": "bold green", "DRIFTED": "bold yellow", "FAILED": "bold red"}
    lines = [
        Text(f"{record['outcome']}  {record['node']}", style=style[record["outcome"]]),
        Text(record["reason"]),
    ]
    if record["identical"] is not None:
        same = f"{record['identical']} of {record['seeds']} scores bit-identical"
        lines.append(Text(f"{same}, largest difference {record['largest']:.3g}"))
    return Group(*lines, *(Text(f"  differs: {line}") for line in record["differences"]))


def rerun_view(record: Mapping[str, Any]) -> RenderableType:
    """What came of growing a run again."""
    style = "bold green" if record["outcome"] == "REPRODUCED" else "bold yellow"
    return Group(
        Text(f"{record['outcome']}  run {record['run']}", style=style),
        Text(record["reason"]),
        Text(
            f"{record['same']} of {record['states']} states of nodes identical; "
            f"{record['replies']} replies of models and {record['trials']} trials read, none asked"
        ),
    )
