"""Screen a child: compare it with its parent on search seeds, look after look."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..archive import Evidence, Node, Tree
from ..evals import COMMON, Candidate, Evaluation, Seed, Split, Verdict, draw, judge
from . import company
from .planted import may_simplify
from .run import Run
from .schedule import Action


@dataclass(frozen=True)
class Draft:
    """A turn that has been explored but not yet finished: a node, and what its screen says.

    `values` are gains over the parent on search seeds, or None if nothing is left to judge. A
    `fault` is what kept the agent, or the policy, from making a proposal at all.
    """

    action: Action
    node: Node
    values: list[float] | None = None
    fault: str = ""


def screen(run: Run, node: Node, tree: Tree, counts: Sequence[int], action: Action) -> Draft:
    """Compare a child with its parent on ever more search seeds, for as long as there is hope."""
    rule, metric = run.config.rule, run.task.metric
    parent = tree.child(node).parent
    stream = screens(run, node)
    stages: list[tuple[Split, int]] = [("dev", count) for count in counts]
    if rule.glance and action.kind == "expand":
        stages.insert(0, ("glance", rule.glance))
    values: list[float] = []
    done = seeds_screened(run, node)
    for split, count in stages:
        evidence = Evidence(
            stream=stream,
            count=count,
            split=split,
            versus=parent.number,
            against=against(run, stream),
        )
        node = node.model_copy(update={"evidence": merged(node.evidence, evidence)})
        beside = company.beside(run, node, stream, split, done)
        child = measured(run, node.candidate, stream, count, split, beside)
        if child.failures == count:
            first = child.trials[0]
            reason = f"all {count} seeds ended with {first.status}"
            node = node.model_copy(update={"log": first.log})
            return Draft(action, judged(node, Verdict(standing="invalid", reason=reason)))
        if split == "dev":
            done = count
            if reason := company.look(run, node, stream, child):
                return Draft(action, judged(node, Verdict(standing="invalid", reason=reason)))
        rival = measured(run, parent.candidate, against(run, stream) or stream, count, split)
        values = gains(run, child, rival)
        if split == "glance" and judge.ruined(rule, values, metric):
            workloads = run.task.manifest.workloads.glance
            out = judge.glanced_out(rule, values, metric, workloads)
            return Draft(action, judged(node, judge.counted(out, child)))
        smaller = may_simplify(rule, metric, tree, parent, node.size, judge.summary(values))
        if split == "dev" and judge.hopeless(rule, values, metric, smaller):
            out = judge.screened_out(rule, values, metric)
            return Draft(action, judged(node, judge.counted(out, child)))
    waiting = judge.counted(judge.waiting(rule, values, metric), child)
    return Draft(action, judged(node, waiting), values)


def seeds_screened(run: Run, node: Node) -> int:
    """On how many seeds, of all workloads, a child was screened."""
    stream = screens(run, node)
    counts = [e.count for e in node.evidence if e.split == "dev" and e.stream == stream]
    return max(counts, default=0)


def judged(node: Node, verdict: Verdict) -> Node:
    """The node under a new verdict, which keeps the audit's flags."""
    flags = node.verdict.flags if node.verdict else ()
    return node.model_copy(update={"verdict": verdict.model_copy(update={"flags": flags})})


def measured(
    run: Run,
    candidate: Candidate,
    stream: str,
    count: int,
    split: Split = "dev",
    beside: Sequence[Seed] = (),
) -> Evaluation:
    """A candidate's trials on the first seeds of a stream; `beside` ride along where it is run."""
    seeds = draw(run.config.keys, stream, count)
    return run.lab.evaluate(candidate, stream, seeds, split, beside)


def screens(run: Run, node: Node) -> str:
    """The stream on which a child is screened: its parent's, or one of its own if unpaired."""
    paired = run.config.rule.design == "paired"
    return f"search/{node.parent}" if paired else f"search/{node.parent}/{node.number}"


def against(run: Run, stream: str) -> str:
    """The stream that a rival runs on where the design is unpaired, or "" where it shares seeds.

    Children that were screened against one parent then share the parent's seeds, not each other's.
    """
    if run.config.rule.design == "paired":
        return ""
    parent = re.fullmatch(r"(search/\d+)/\d+", stream)
    return parent[1] if parent else f"{stream}/rival"


def gains(run: Run, child: Evaluation, rival: Evaluation) -> list[float]:
    """The child's gains over its rival, seed by seed, paired or not by the run's design."""
    paired = run.config.rule.design == "paired"
    return judge.gains(child, rival, run.task.metric, paired=paired)


def merged(earlier: Sequence[Evidence], new: Evidence) -> tuple[Evidence, ...]:
    """All evidence, where `new` replaces a shorter reading of the same seeds; COMMON is last."""
    same = (new.stream, new.split, new.versus)
    rest = [e for e in earlier if (e.stream, e.split, e.versus) != same]
    return tuple(sorted((*rest, new), key=lambda evidence: evidence.stream == COMMON))
