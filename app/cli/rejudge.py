"""Show how a run would have been judged under another error budget."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...agents.base import AgentError
from ...archive import Archive
from ...evals import judge
from ...search.studies.rejudge import rejudge
from .view import STYLES

UNDECIDED = "cyan"


def record(archive: Archive, name: str | None, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of a run as they were judged, and as `changes` of its rule would judge them.

    Raises AgentError for a rule that cannot be.
    """
    run = archive.run(name)
    changed = {key: value for key, value in changes.items() if value is not None}
    try:
        claims = rejudge(archive, run.id, **changed)
    except ValidationError as error:
        first = error.errors()[0]
        raise AgentError(f"{first['loc'][0]} {first['input']}: {first['msg']}") from error
    before = run.rule.model_dump(include={"alpha", "control"})
    return {
        "run": run.id,
        "before": before,
        "after": {**before, **changed},
        "claims": [claim.model_dump() for claim in claims],
    }


def rejudge_view(record: Mapping[str, Any]) -> RenderableType:
    """A row for each claim, and a sentence that sums them up."""
    if not record["claims"]:
        return Text(f"run {record['run']} has put no claim to fresh seeds: nothing to judge again.")
    table = Table(box=None, padding=(0, 2))
    for column in ("node", "claims to be", "before", "after", "e-value", "needed", "seeds"):
        table.add_column(column)
    for claim in record["claims"]:
        after = Text(claim["after"], style=STYLES.get(claim["after"], ("", UNDECIDED))[1])
        if not claim["ground"]:
            after.append(" (on ground that is not)", style="yellow")
        table.add_row(
            Text(claim["node"]),
            Text(f"{claim['says']} than {claim['versus']}"),
            Text(claim["before"]),
            after,
            Text(judge.e_words(claim["log_e"])),
            Text(judge.e_words(claim["log_threshold"])),
            Text(str(claim["pairs"])),
        )
    return Group(table, *map(Text, _sum_up(record)))


def _sum_up(record: Mapping[str, Any]) -> Sequence[str]:
    rules = [
        f"alpha {record[when]['alpha']:g}, {record[when]['control']}"
        for when in ("before", "after")
    ]
    before, after = (
        sum(claim[when] in ("confirmed", "repeated") for claim in record["claims"])
        for when in ("before", "after")
    )
    lines = [
        f"run {record['run']}: of {len(record['claims'])} claims {before} were confirmed under "
        f"{rules[0]}; {after} are under {rules[1]}."
    ]
    if record["before"] != record["after"]:
        lines.append("A level that is chosen once the evidence is known promises nothing.")
    if any(claim["after"] == "undecided" for claim in record["claims"]):
        lines.append("undecided: the evidence ends before this rule would have stopped.")
    return lines
