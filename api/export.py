"""Write a node as a folder that needs no Ratchet: module, example, evidence and origin."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from .archive import Archive, ArchiveError, Node, require_sound
from .folder import write
from .records import full_record
from .sandbox.text import clean, line
from .tasks import trust_line

LICENCE = """\
This program was written by Ratchet's agent `{proposer}`, starting from programs of the Ratchet
project (Apache-2.0, see https://www.apache.org/licenses/LICENSE-2.0). You may use it under the same
licence. It was found automatically: read it before you rely on it.
"""
LONGEST = 100_000  # characters of a README
UNVALIDATED = """\
**Unvalidated**: it ran without isolation, where a candidate could have written its own scores."""


def export(node: Node, archive: Archive, folder: Path) -> list[Path]:
    """Fill `folder`, which must not exist or be empty; raises FileExistsError otherwise.

    Raises ArchiveError, and writes nothing, for a node whose program or names are not as the task
    demands, since the archive may be anyone's.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(folder)
    task = archive.task(node.run)
    require_sound([node], task, isolated=False)  # it will be run where nothing isolates
    record = full_record(archive, node)
    program = {name: _documented(node, record, text) for name, text in node.candidate.files.items()}
    contents = {
        "README.md": _readme(node, record, list(node.candidate.files), "example.py" in task.files),
        "evidence.csv": _evidence(record),
        "evidence.json": json.dumps(record, indent=2) + "\n",
        "LICENCE-NOTE.txt": LICENCE.format(proposer=node.candidate.proposer),
    }
    if "example.py" in task.files:
        contents["example.py"] = task.files["example.py"].decode(errors="replace")
    if both := {name.lower() for name in contents} & {name.lower() for name in program}:
        raise ArchiveError(
            f"node {node.id} has a file {min(both)}, the name of one that an export adds: it can "
            "be shown, and not exported"
        )
    return write(folder, {**contents, **program})


def _documented(node: Node, record: dict[str, Any], text: str) -> str:
    gain = record["gain_over_parent"]
    result = (
        f"{gain['gain']:+.4f} {record['metric']['unit']} over its parent "
        f"(95 % interval {gain['low']:+.4f} to {gain['high']:+.4f})"
        if gain
        else f"{record['standing']}"
    )
    if node.level != "counted":
        result += f", {node.level}"
    if not record["validated"]:
        result += ", measured without isolation and not validated"
    if record["company_checked"] is False:
        result += ", not checked in other company"
    head = line(f"Ratchet node {node.id}, task {record['task']}: {result}. See README.md.")
    return f"# {head}\n{text}"


def _readme(node: Node, record: dict[str, Any], files: list[str], example: bool) -> str:
    lines = [
        line(f"# {record['task']}: node {node.id}"),
        "",
        f"Idea: {clean(node.candidate.idea)}",
        "",
        f"Verdict: **{record['standing']}**. {record['reason'] or ''}",
        "",
        f"Trust: {trust_line(node.level).removeprefix('trust: ')}.",
        *([] if record["validated"] else ["", UNVALIDATED]),
        "",
    ]
    if gain := record["gain_over_parent"]:
        lines += [
            f"Gain over the parent: {gain['gain']:+.4f} {record['metric']['unit']}, 95 % interval "
            f"{gain['low']:+.4f} to {gain['high']:+.4f}, on {gain['pairs']} common seeds, which "
            "rank nodes and choose the best.",
            "",
        ]
    if sealed := record["sealed"]:
        gain = sealed["gain"]
        lines += [
            f"The number that counts: {gain['gain']:+.4f} {record['metric']['unit']} over the "
            f"parent, 95 % interval {gain['low']:+.4f} to {gain['high']:+.4f}, on {gain['pairs']} "
            "sealed seeds, which chose nothing.",
            "",
        ]
    if over := record["over_start"]:
        lines += [
            f"Gain over the start: {over['gain']:+.4f} {record['metric']['unit']}, 95 % interval "
            f"{over['low']:+.4f} to {over['high']:+.4f}.",
            "",
        ]
    lines += [
        "## Files",
        "",
        f"- {', '.join(files)}: the program; it needs torch and the standard library alone",
        *(["- example.py: a complete use of it; run `python example.py`"] if example else []),
        "- evidence.csv: every score it was judged by; evidence.json: all that is archived of it",
        "",
        "## How it came about",
        "",
        *(f"- {ancestor}" for ancestor in record["lineage"]),
        "",
        "Measured with:",
        "",
        *(f"- {key}: {value}" for key, value in sorted(record["environment"].items())),
        "",
    ]
    return clean("\n".join(lines), most=LONGEST)


def _evidence(record: dict[str, Any]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["stream", "position", "score", "versus", "versus_score"])
    for evidence in record["evidence"]:
        rivals = evidence.get("versus_scores") or [""] * len(evidence["scores"])
        for position, (score, rival) in enumerate(zip(evidence["scores"], rivals, strict=True)):
            writer.writerow([evidence["stream"], position, score, evidence["versus"] or "", rival])
    return table.getvalue()
