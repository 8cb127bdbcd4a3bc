"""Everything about one node on a terminal: verdict, gains, scores by seed, program."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from ...evals import Estimate, judge
from ...evals import Rule as Judged
from ...sandbox.text import clean
from ...sandbox.text import line as one_line
from ...tasks import trust_line
from ..pages import generalising, sentences
from ..pages.seeds import COUNTS, RANKING, SEALED, chosen
from .view import diff_view, heading

UNTRUSTED = "untrusted output of the candidate: its words, not Ratchet's"
NEVER_READ = "no sealed seeds were read of this node: `ratchet report` reads them of the best one"
OPEN = " (unproven in the words of today: its fresh seeds leave it open)"


def node_view(record: Mapping[str, Any]) -> RenderableType:
    """Everything about one node; `record` is a `records.full_record`."""
    unit = record["metric"]["unit"]
    parts: list[RenderableType] = [heading({**_identity(record), **_gains(record, unit)})]
    if record["notes"]:
        notes = {name: one_line(text) for name, text in record["notes"].items()}
        parts += [Rule("what its proposer said", align="left"), heading(notes)]
    for evidence in record["evidence"]:
        parts += [Rule(Text(_title(evidence)), align="left"), *measured(evidence, unit)]
    if record["diff"]:
        parts += [Rule("diff to the parent", align="left"), diff_view(record)]
    if record["log"]:
        parts += [Rule(UNTRUSTED, align="left"), untrusted(record["log"])]
    return Group(*parts)


def _identity(record: Mapping[str, Any]) -> dict[str, str]:
    """Which node it is, where it comes from, and how it was judged."""
    node = f"{record['node']}  {record['standing']}{OPEN if record['open'] else ''}"
    if not record["validated"]:
        node += "  unvalidated: it ran without isolation"
    if record["company_checked"] is False:
        node += f"  {sentences.NO_COMPANY}: `ratchet replay` does"
    planted = f"planted ({record['kind']} {record['name']})"
    planted += f", failed: {record['failure']}" if record["failure"] else ""
    return {
        "node": node,
        "idea": record["idea"],
        "trust": trust_line(record["level"]).removeprefix("trust: "),
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
        facts["gain"] = f"{_span(gain, unit)} over the parent, on {gain['pairs']} {RANKING}"
    if over := record["over_start"]:
        count = f", on {over['pairs']} common seeds" if over["pairs"] > 1 else ""
        facts["over start"] = f"{_span(over, unit)}{count}"
    facts |= _sealed(record, unit)
    if (rival := record["baseline"]) and not rival["tested"]:
        facts[f"better than {rival['name']}"] = (
            f"not claimed: {_span(rival, unit)} on the {rival['pairs']} seeds that rank, where "
            f"{rival['name']} is the best baseline"
        )
    if record["flags"]:
        facts["audit flags"] = "; ".join(record["flags"])
    if record["unusable"]:
        facts["may not run"] = record["unusable"]
    if tuning := record["tuning"]:
        facts["tuned"] = (
            f"{tuning['constants']} constants of node {tuning['node']}, in {tuning['settings']} "
            f"settings and {tuning['trials']} trials"
        )
    facts["cost"] = f"{record['trials']} trials, {record['cpu_seconds']} CPU-seconds"
    return facts


def _sealed(record: Mapping[str, Any], unit: str) -> Iterator[tuple[str, str]]:
    """The number that counts, and whether the node transfers; or that no report has read it."""
    if not (sealed := record["sealed"]):
        if record["gain_over_parent"]:
            yield "what counts", f"{NEVER_READ}; {COUNTS}"
        return
    gain = sealed["gain"]
    yield (
        "what counts",
        f"{_span(gain, unit)} over the parent, on {gain['pairs']} {SEALED} "
        f"(reading {sealed['reading']} of the report)",
    )
    if word := record["transfer"]:
        yield "on other workloads", f"{word}: {generalising.MEANS[word]}"


def _span(gain: Mapping[str, Any], unit: str) -> str:
    """A gain with its interval."""
    return f"{gain['gain']:+.4f} {unit}, 95 % interval {gain['low']:+.4f} to {gain['high']:+.4f}"


def untrusted(text: str) -> Text:
    """A candidate's words, with a bar before each line, so that none passes for Ratchet's."""
    return Text("\n".join(f"| {line}" for line in clean(text).split("\n")))


def _title(evidence: Mapping[str, Any]) -> str:
    title = f"{evidence['stream']}: {len(evidence['scores'])} seeds of {evidence['workloads']}"
    return title + (f", against {evidence['rival']}" if evidence["versus"] else "")


def measured(evidence: Mapping[str, Any], unit: str) -> list[RenderableType]:
    """What the seeds of a stream say, what chose them, and the scores of both programs."""
    own, rival = "own", evidence["rival"] or ""
    width = max(len(own), len(rival))
    words = [chosen(evidence["stream"])]
    if evidence["versus"]:
        gain = Estimate.model_validate(evidence["gain"])
        words.insert(0, "identical scores" if judge.identical(gain) else f"gain {gain} {unit}")
    if count := len(evidence["scores"]):
        words.append(judge.failure_words(evidence["failed"], count))
    rows: list[RenderableType] = [Text("; ".join(filter(None, words)), style="dim")]
    rows.append(_scores(own.ljust(width), evidence["scores"]))
    if evidence["versus"]:
        rows.append(_scores(rival.ljust(width), evidence["versus_scores"]))
    return rows


def _scores(name: str, scores: list[float]) -> Text:
    return Text(f"{name} " + " ".join(f"{value:8.4f}" for value in scores))
