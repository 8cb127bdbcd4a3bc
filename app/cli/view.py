"""Draw runs, trees and nodes. Text that came from a candidate is cleaned and never markup."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree as Drawing

from ...archive import Node, RunRecord, Tree
from ...evals import Rule as Judged
from ...sandbox.text import clean
from ...sandbox.text import line as one_line
from ..pages import sentences

STYLES = {
    "confirmed": ("✔", "bold green"),
    "simpler": ("≈", "cyan"),
    "refuted": ("✗", "yellow"),
    "promising": ("?", "cyan"),
    "no gain": ("·", "dim"),
    "invalid": ("!", "red"),
    "failed": ("!", "red"),
    "start": ("●", "bold"),
    "baseline": ("○", "bold"),
}
UNTRUSTED = "untrusted output of the candidate: its words, not Ratchet's"
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


def node_line(node: Node) -> Text:
    """A node in one line: number, sign, gain with interval, idea."""
    sign, style = STYLES[node.outcome]
    line = Text(f"{sign} {node.number} ", style=style)
    if node.verdict is None:
        line.append(f"{node.name}  ", style="bold")
        if node.failure:
            line.append(f"failed, and is compared with nothing: {node.failure}", style="red")
            return line
        line.append(f"{node.gain or 0.0:+.4f} over the start", style="dim")
        return line
    line.append(f"{node.outcome}  ", style=style)
    if not node.validated:
        line.append("unvalidated  ", style="bold yellow")
    if node.kept and not node.company_checked:
        line.append(f"{sentences.NO_COMPANY}  ", style="bold yellow")
    if node.verdict.estimate is not None:
        line.append(f"{node.verdict.estimate} over {node.parent}  ", style=style)
        line.append(f"{node.gain or 0.0:+.4f} over the start  ", style="dim")
    line.append(one_line(node.candidate.idea, 160))
    if node.standing in ("invalid", "refuted"):
        line.append(f"  ({one_line(node.verdict.reason, 300)})", style="dim")
    return line


def best_line(tree: Tree, unit: str) -> str:
    """The best confirmed node so far."""
    best = tree.best()
    if best is None or best.verdict is None or best.verdict.estimate is None:
        return "nothing confirmed yet"
    return (
        f"node {best.number}{'' if best.standing == 'confirmed' else ' (not confirmed)'}: "
        f"{best.verdict.estimate} {unit} over its parent, "
        f"{best.gain or 0.0:+.4f} over the start{'' if best.validated else ' (unvalidated)'}"
    )


def tree_view(record: RunRecord, tree: Tree, every: bool) -> RenderableType:
    """The run as an indented tree; without `every`, only what is planted or confirmed."""
    title = f"run {record.id}  {record.task_name}  {record.agent}"
    drawing = Drawing(Text(title, style="bold"))
    branches = dict[int | None, Drawing]()
    for node in tree:  # a parent comes before its children, however deep they lie
        above = drawing if node.verdict is None else branches.get(node.parent)
        if above is None or not (every or node.kept or node.verdict is None):
            continue
        line = node_line(node)
        hidden = 0 if every else sum(not child.kept for child in tree.children(node))
        if hidden:
            line.append(f"  [{hidden} children not shown]", style="dim")
        branches[node.number] = above.add(line)
    judged = sentences.budget(record.rule) if tree.claims() else ""
    return Group(drawing, funnel_line(tree), *([Text(f"claims {judged}", "dim")] if judged else []))


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


def node_view(record: Mapping[str, Any]) -> RenderableType:
    """Everything about one node; `record` is a `records.full_record`."""
    unit = record["metric"]["unit"]
    parts: list[RenderableType] = [heading({**_identity(record), **_gains(record, unit)})]
    if record["notes"]:
        notes = {name: one_line(text) for name, text in record["notes"].items()}
        parts += [Rule("what its proposer said", align="left"), heading(notes)]
    for evidence in record["evidence"]:
        parts += [Rule(Text(_evidence_title(evidence, unit)), align="left"), _scores(evidence)]
    if record["diff"]:
        parts += [Rule("diff to the parent", align="left"), diff_view(record)]
    if record["log"]:
        parts += [Rule(UNTRUSTED, align="left"), untrusted(record["log"])]
    return Group(*parts)


def _identity(record: Mapping[str, Any]) -> dict[str, str]:
    """Which node it is, where it comes from, and how it was judged."""
    node = f"{record['node']}  {record['standing']}"
    if not record["validated"]:
        node += "  unvalidated: it ran without isolation"
    if record["company_checked"] is False:
        node += f"  {sentences.NO_COMPANY}: `ratchet replay` does"
    planted = f"planted ({record['kind']} {record['name']})"
    planted += f", failed: {record['failure']}" if record["failure"] else ""
    return {
        "node": node,
        "idea": record["idea"],
        "lineage": " > ".join(record["lineage"]),
        "verdict": record["reason"] or planted,
        **{sentences.claim_title(c): sentences.claim_words(c) for c in record["claims"]},
        **_control(record),
    }


def _control(record: Mapping[str, Any]) -> dict[str, str]:
    """What bounds the error of the node's claims."""
    control = record["control"]
    return {"claims are": sentences.budget(Judged(**control))} if control else {}


def _gains(record: Mapping[str, Any], unit: str) -> dict[str, str]:
    """How much better it is than what came before, what the audit found, and what all that cost."""
    facts = dict[str, str]()
    if gain := record["gain_over_parent"]:
        facts["gain"] = (
            f"{gain['gain']:+.4f} {unit} over the parent, 95 % interval "
            f"{gain['low']:+.4f} to {gain['high']:+.4f}, on {gain['pairs']} seeds that did not "
            f"select it"
        )
    if record["gain_over_start"] is not None:
        facts["over start"] = f"{record['gain_over_start']:+.4f} {unit}"
    if (rival := record["baseline"]) and not rival["tested"]:
        facts[f"better than {rival['name']}"] = (
            f"not claimed: {rival['gain']:+.4f} {unit} on the seeds that rank, where "
            f"{rival['name']} is the best baseline"
        )
    if record["flags"]:
        facts["audit flags"] = "; ".join(record["flags"])
    if record["unusable"]:
        facts["may not run"] = record["unusable"]
    facts["cost"] = f"{record['trials']} trials, {record['cpu_seconds']} CPU-seconds"
    return facts


def untrusted(text: str) -> Text:
    """A candidate's words, with a bar before each line, so that none passes for Ratchet's."""
    return Text("\n".join(f"| {line}" for line in clean(text).split("\n")))


def _evidence_title(evidence: Mapping[str, Any], unit: str) -> str:
    title = (
        f"{evidence['stream']}: {len(evidence['scores'])} seeds, {evidence['workloads']} workloads"
    )
    if evidence["versus"]:
        gain = evidence["gain"]
        title += f" against {evidence['versus']}, {gain['gain']:+.4f} {unit}"
        title += f" ({gain['low']:+.4f} to {gain['high']:+.4f})"
    return title + (f", {evidence['failed']} failed" if evidence["failed"] else "")


def _scores(evidence: Mapping[str, Any]) -> RenderableType:
    rows = [Text("own    " + " ".join(f"{value:8.4f}" for value in evidence["scores"]))]
    if evidence["versus"]:
        rows.append(Text("parent " + " ".join(f"{v:8.4f}" for v in evidence["versus_scores"])))
    return Group(*rows)


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
