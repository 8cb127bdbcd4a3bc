"""The JSON-able facts behind every reading verb; what `--json` prints is what the text shows."""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .agents.opening import Listing
from .archive import (
    Archive,
    ArchiveError,
    Node,
    RunRecord,
    Tree,
    ahead,
    difference,
    over_start,
    unsound,
)
from .evals import Claim, Estimate, Evaluation, Keys, Rule, Verdict, draw, judge
from .sandbox.text import clean
from .search.planted import best_planted
from .search.studies.report import readings, title, transfers
from .tasks import Metric, Task


def run_records(archive: Archive) -> list[dict[str, Any]]:
    """Every run of the archive; of one that cannot be read, its id and why (`damaged`)."""
    rows = list[dict[str, Any]]()
    for name, record in archive.listed():
        try:
            if isinstance(record, ArchiveError):
                raise record
            rows.append(run_record(record, archive.tree(name)))
        except ArchiveError as error:
            rows.append({"run": name, "damaged": str(error)})
    return rows


def run_record(record: RunRecord, tree: Tree) -> dict[str, Any]:
    """One run: what it searched, how, and how far it came."""
    best = tree.best()
    return {
        "run": record.id,
        "task": record.task_name,
        "agent": record.agent,
        "seed": record.seed,
        "control_of": record.control_of,
        "created": record.created,
        "nodes": len(tree),
        "funnel": dict(tree.funnel()),
        "best": best.id if best else None,
        "best_gain_over_start": tree.effects[best.number].gain if best else None,
        "best_over_start": _dumped(over_start(tree, best)) if best else None,
        "best_behind": _behind(tree, best) if best else None,
        "best_validated": best.validated if best else None,
    }


def _behind(tree: Tree, best: Node) -> dict[str, Any] | None:
    """The planted program that the best kept node stands behind, if any, and by how much."""
    front = ahead(tree, best)
    return {"name": front.rival.name, **front.by.model_dump()} if front else None


def _dumped(gain: Estimate | None) -> dict[str, Any] | None:
    return gain.model_dump() if gain else None


def node_records(archive: Archive, tree: Tree, run_id: str) -> list[dict[str, Any]]:
    """All nodes of a run without their programs."""
    words = transfers(archive, run_id)
    return [node_record(node, tree, words.get(node.number)) for node in tree]


def node_record(node: Node, tree: Tree, transfer: judge.Transfer | None = None) -> dict[str, Any]:
    """One node of a tree, without its program; `transfer` is None where no report measured it."""
    verdict, effect = node.verdict, tree.effects.get(node.number)
    return {
        "node": node.id,
        "parent": None if node.parent is None else f"{node.run}.{node.parent}",
        "kind": node.kind,
        "name": node.name,
        "standing": node.standing,
        "level": node.level,
        "isolation": node.isolation,
        "validated": node.validated,
        "company_checked": node.company_checked if node.kept else None,
        "idea": clean(node.candidate.idea),
        "reason": clean(verdict.reason) if verdict else None,
        "failure": node.failure,
        "digest": node.candidate.digest,
        "score": node.score,
        "gain_over_start": effect.gain if effect else None,
        "over_start": _dumped(over_start(tree, node)),
        "transfer": transfer,
        "gain_over_parent": verdict.estimate.model_dump() if verdict and verdict.estimate else None,
        "claims": [_claim(node, claim) for claim in verdict.claims] if verdict else [],
        "control": _control(verdict),
        "flags": [clean(flag) for flag in verdict.flags] if verdict else [],
        "tuning": _tuning(node),
        "trials": node.trials,
        "cpu_seconds": round(node.cpu_seconds, 3),
    }


def _tuning(node: Node) -> dict[str, Any] | None:
    """Whose constants were tuned to make a node, and in how many trials, which are its own too."""
    if node.tuning is None:
        return None
    return {**node.tuning.model_dump(), "node": f"{node.run}.{node.tuning.node}"}


def _control(verdict: Verdict | None) -> dict[str, Any] | None:
    """What bounds the error of the claims of a node: the control, its alpha and the run's share."""
    if verdict is None or not verdict.claims or verdict.rule is None:
        return None
    return verdict.rule.model_dump(include={"control", "alpha", "share"})


def _claim(node: Node, claim: Claim) -> dict[str, Any]:
    """One claim that was put to fresh seeds; e-value and threshold by their natural logarithms.

    `bound` is the most that a single gain counts, None where the rule bounds none. `pooled` is the
    spread that a claim of few and dear pairs rests on.
    """
    rule = node.verdict.rule if node.verdict else None
    return {
        **claim.model_dump(exclude={"level"}),
        "versus": f"{node.run}.{claim.versus}",
        "log_threshold": -math.log(claim.level),
        "bound": rule.bound if rule else None,
        "regime": rule.regime if rule else None,
        "pooled": rule.pooled.model_dump() if rule and rule.pooled else None,
    }


def full_record(archive: Archive, node: Node) -> dict[str, Any]:
    """One node with its program, scores by seed, environment and diff to the parent."""
    tree = archive.tree(node.run)
    keys = archive.run(node.run).keys
    task = archive.task(node.run)
    parent = tree[node.parent] if node.parent is not None else None
    evidence = [
        _evidence(archive, keys, tree, node, task.metric, index)
        for index in range(len(node.evidence))
    ]
    return {
        **node_record(node, tree, transfers(archive, node.run).get(node.number)),
        "task": task.name,
        "metric": task.metric.model_dump(),
        "notes": {clean(name): clean(text) for name, text in node.candidate.notes.items()},
        "lineage": [ancestor.id for ancestor in tree.lineage(node)],
        "baseline": _over_baseline(tree, node),
        "evidence": evidence,
        "sealed": _sealed(archive, node),
        "open": _left_open(archive.run(node.run).rule, node, task.metric, evidence),
        "environment": archive.environment(node.environment),
        "unusable": unsound(node, task),
        "files": dict(node.candidate.files),
        "diff": diff_text(parent, node) if parent else "",
        "log": clean(node.log),
    }


def _over_baseline(tree: Tree, node: Node) -> dict[str, Any] | None:
    """A kept node beside the best of what was planted."""
    if not node.kept or not tree.planted():
        return None
    rival = best_planted(tree)
    tested = node.verdict is not None and rival.number in {c.versus for c in node.verdict.claims}
    return {"name": rival.name, **difference(tree, node, rival).model_dump(), "tested": tested}


def _sealed(archive: Archive, node: Node) -> dict[str, Any] | None:
    """What the last report of a node says of its gain over its parent, on sealed seeds."""
    own = [r for r in readings(archive, node.run) if r.number == node.number]
    if not own:
        return None
    return {"reading": own[-1].reading, "gain": own[-1].dev["parent"].model_dump()}


def _left_open(
    rule: Rule, node: Node, metric: Metric, evidence: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether an older run called a claim refuted that its fresh seeds leave open."""
    claims = node.verdict.claims if node.verdict and node.verdict.standing == "refuted" else ()
    return any(
        not claim.void
        and measured["stream"] == claim.stream
        and measured["versus"] is not None
        and measured["gain"]["high"] >= rule.margin(metric, claim.says)
        for claim in claims
        for measured in evidence
    )


def _evidence(
    archive: Archive, keys: Keys, tree: Tree, node: Node, metric: Metric, index: int
) -> dict[str, Any]:
    evidence = node.evidence[index]
    seeds = draw(keys, evidence.stream, evidence.count)
    theirs = draw(keys, evidence.against or evidence.stream, evidence.count)
    own = archive.evaluation(node, evidence.stream, seeds, evidence.split)
    record: dict[str, Any] = {
        "stream": evidence.stream,
        "workloads": evidence.split,
        "versus": None,
        "rival": None,
        "scores": own.values(metric.worst),
        "failed": own.failures,
    }
    if evidence.versus is not None:
        rival = tree[evidence.versus]
        trials = archive.trials(
            node.environment,
            archive.run(node.run).task_digest,
            rival.candidate.digest,
            evidence.split,
            theirs,
        )
        if len(trials) == len(theirs):
            other = Evaluation(stream=evidence.stream, trials=tuple(trials[s] for s in theirs))
            values = judge.gains(own, other, metric, paired=theirs == seeds)
            record |= {
                "versus": rival.id,
                "rival": title(rival),
                "versus_scores": other.values(metric.worst),
                "gain": judge.estimate(values).model_dump(),
            }
    return record


def task_record(task: Task) -> dict[str, Any]:
    """One task: what may change, how it is scored, and against which baselines."""
    manifest = task.manifest
    return {
        "task": task.name,
        "title": manifest.title,
        "statement": manifest.statement,
        "editable": list(manifest.editable),
        "metric": manifest.metric.model_dump(),
        "baselines": sorted(task.baselines),
        "workloads": manifest.workloads.model_dump(mode="json"),
        "digest": task.digest,
    }


def agent_record(listing: Listing) -> dict[str, Any]:
    """A built-in agent: what it does, the policy it searches with, and whether it asks a model."""
    agent = listing.agent
    return {
        "agent": agent.name,
        "description": listing.description,
        "needs_model": agent.needs_model,
        "select": agent.select,
        "attempts": agent.attempts,
        "tune": agent.tune,
        "requests": agent.requests,
    }


def diff_text(old: Node, new: Node) -> str:
    """A unified diff of two nodes' programs, as untrusted text."""
    lines: list[str] = []
    for name in sorted({*old.candidate.files, *new.candidate.files}):
        before = old.candidate.files.get(name, "").splitlines(keepends=True)
        after = new.candidate.files.get(name, "").splitlines(keepends=True)
        lines += difflib.unified_diff(before, after, f"{old.id}/{name}", f"{new.id}/{name}")
    return clean("".join(lines), most=100_000)
