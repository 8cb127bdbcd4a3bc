"""What was measured, in sentences that need no statistics to be read."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...archive import Node
from ...evals import Claim, Estimate, Rule, Split, judge
from ...sandbox.text import line
from ...search.studies.ablate import AblationStep
from ...search.studies.controls import ControlsRow
from ...search.studies.report import Report
from ...tasks import Metric

RIVALS = {"parent": "its parent", "start": "the starting program", "baseline": "the best baseline"}
LONGEST_ODDS = math.log(1000)  # beyond it the shape of rare gains says more than any test
NO_COMPANY = "not checked in other company"


def gain(name: str, estimate: Estimate, metric: Metric, confirmed: bool = True) -> str:
    """Whether a program is better than the one called `name`, and by how much on which seeds."""
    by = f"{abs(estimate.gain):.4f} ± {_half(estimate):.4f} {metric.unit}"
    seeds = f"on {estimate.pairs} seeds that nothing else used"
    if not confirmed:
        answer = f"not confirmed; measured {estimate} {metric.unit} {seeds}"
    elif estimate.low > 0:
        small = estimate.gain < metric.minimum_gain
        less = f", less than the {metric.minimum_gain:g} worth claiming," if small else ""
        answer = f"yes, by {by}{less} {seeds}"
    elif estimate.high < 0:
        answer = f"no, worse by {by} {seeds}"
    else:
        answer = f"not shown: {estimate} {metric.unit} {seeds}, could be none"
    return f"Better than {name}: {answer}"


def fruitless(proposals: Sequence[Node]) -> str:
    """Why none of these proposals could be measured: the three commonest reasons."""
    if not proposals:
        return "nothing was proposed"
    counted = Counter(node.verdict.reason for node in proposals if node.verdict).most_common(3)
    reasons = "; ".join(f"{count} x {line(reason, 200)}" for reason, count in counted)
    return f"not one of {len(proposals)} proposals could be measured: {reasons}"


def step(step: AblationStep, unit: str) -> str:
    """What taking one step out of the best program did to it."""
    effect = {
        "matters": "still matters: without it {} worse",
        "better without": "better without it, by {}",
        "not measurable": "no longer matters measurably: without it {} {}",
        "gone": "later steps left nothing of it",
        "inseparable": "cannot be taken out alone: {}",
    }[step.finding]
    if step.gain is not None:
        by = f"{abs(step.gain.gain):.4f} ± {_half(step.gain):.4f} {unit}"
        effect = effect.format(by, "worse" if step.gain.gain > 0 else "better")
    effect = effect.format(step.why)
    if step.dispensable:
        effect += f"; a candidate for simplification: {step.smaller} syntax nodes less"
    return f"{step.node} ({step.idea}): {effect}"


def compared(report: Report, gains: Mapping[str, Estimate], metric: Metric) -> list[str]:
    """One sentence for each rival; one that is both parent and baseline, say, gets one sentence."""
    return [
        gain(title, gains[part], metric, report.confirmed) for part, title in rivals(report).items()
    ]


def rivals(report: Report) -> dict[str, str]:
    """The title of each rival by its first part: parent, start or baseline."""
    names = {"parent": report.parent, "start": "start", "baseline": report.baseline}
    parts: dict[str, list[str]] = {}
    for part, name in names.items():
        parts.setdefault(name, []).append(part)
    return {
        played[0]: f"{name} ({' and '.join(RIVALS[part] for part in played)})"
        for name, played in parts.items()
    }


def failures(report: Report) -> list[str]:
    """How many sealed seeds of the node failed, by split; nothing where that was not recorded."""
    names: Mapping[Split, str] = {"dev": "development", "transfer": "unseen"}
    gains = {"dev": report.dev, "transfer": report.transfer}
    return [
        f"on {names[split]} workloads {judge.failure_words(failed, gains[split]['parent'].pairs)}"
        for split, failed in report.failed.items()
    ]


def budget(rule: Rule) -> str:
    """What the run's error budget promises of its claims."""
    share = f"{100 * rule.alpha:g} %"
    if rule.control == "fdr":
        return f"judged so that at most {share} of those that hold are expected to be false"
    if rule.control == "archive":
        return (
            f"judged so that the chance of even one false claim in all runs of the task in this "
            f"archive that share it is at most {share}, of which this run may spend "
            f"{100 * rule.own_alpha:.2g} %"
        )
    return f"judged so that the chance of even one false claim in the run is at most {share}"


def claims(report: Report, rule: Rule, metric: Metric) -> list[str]:
    """What was put to fresh seeds of the node, over its parent and over the best baseline."""
    lines = [_claim(name, claim, rule, metric) for name, claim in report.claims.items()]
    first = next(iter(report.claims.values()))
    if report.baseline not in report.claims and first.held:
        why = "as the seeds that rank did not promise that it would hold"
        why = why if first.says == "better" else "as a simpler program claims no more"
        lines.append(f"Better than {report.baseline}: never put to fresh seeds, {why}")
    return lines


def claim_title(claim: Mapping[str, Any]) -> str:
    """What a claim says, in short."""
    return f"{claim['says']} than {claim['versus']}"


def claim_words(claim: Mapping[str, Any]) -> str:
    """Whether a claim held, and by how much evidence, for readers without statistics.

    `claim` is a claim as `records` has it, with its e-value and threshold by their logarithms.
    """
    needed = judge.e_words(claim["log_threshold"])
    seeds = f"{claim['pairs']} seeds drawn for this question alone"
    if claim["held"] and claim["log_e"] < claim["log_threshold"]:
        return (
            f"yes: the same gain on {seeds}, where every score of the task repeats to the last bit"
        )
    if claim["held"]:
        shown = min(claim["log_e"], max(LONGEST_ODDS, claim["log_threshold"]))
        # Where no gain is bounded, the e-value takes a shape of the noise for granted.
        kind = "normal" if claim.get("regime") == "dear" else "symmetric"
        shape = "" if claim.get("bound") else f", and gains are about {kind}"
        words = (
            f"yes: if it were not so{shape}, luck would look this good on "
            f"{seeds} less than once in {judge.e_words(shown)} tries; the run's error budget asks "
            f"for {needed}"
        )
    else:
        words = (
            f"not shown: the evidence for it, {judge.e_words(claim['log_e'])} to one, is less than "
            f"the {needed} to one that the run's error budget asks for, on {seeds}"
        )
    return words + _failed(claim)


def _failed(claim: Mapping[str, Any]) -> str:
    """How many seeds of a claim failed; older archives do not say."""
    failed = claim.get("failed")
    if failed is None or not claim["pairs"]:
        return ""
    words = judge.failure_words(failed, claim["pairs"])
    if failed:
        return f"; {words}, and count as the worst score"
    return f"; it rests on seeds that did not fail: {words}"


def _claim(name: str, claim: Claim, rule: Rule, metric: Metric) -> str:
    margin = abs(rule.margin(metric, claim.says))
    says = {
        "better": f"Better than {name} by more than {margin:g} {metric.unit}",
        "simpler": f"Less code than {name} and no worse (a loss under {margin:g} counts as none)",
    }[claim.says]
    if rule.bound is not None:
        says += f", where a single gain counts as at most {rule.bound:.2g} more or less than that"
    threshold = -math.log(claim.level)
    judged = {"log_threshold": threshold, "bound": rule.bound, "regime": rule.regime}
    record = {**claim.model_dump(), **judged}
    return f"{says}: {claim_words(record)}"


def bias(report: Report, metric: Metric) -> list[str]:
    """The gain over the parent as the search saw it, beside what the sealed seeds say."""
    screen, ranked = report.screen, report.ranked
    assert screen is not None
    sealed, unit = report.dev["parent"], metric.unit
    lines = [f"{screen.mean:+.4f} {unit} on the {screen.pairs} search seeds that picked it out"]
    if ranked:
        lines.append(f"{ranked} {unit} on {ranked.pairs} common seeds, which rank and choose")
    which = "sealed seeds, which decided nothing: this one counts"
    lines.append(f"{sealed} {unit} on {sealed.pairs} {which}")
    excess, noise = screen.mean - sealed.gain, math.hypot(screen.error, sealed.error)
    flattered = f"yes: the search saw {excess:.4f} {unit} too much, more than noise explains"
    lines.append(flattered if excess > 2 * noise else "no: the search saw no more than noise adds")
    return lines


def search(row: ControlsRow) -> str:
    """One search of the table of controls."""
    best = f"best {row.best}, {row.dev}" if row.dev else "nothing to compare"
    best += f", unseen {row.transfer}" if row.transfer else ""
    best += f", behind this search's node by {row.behind}" if row.behind else ""
    return (
        f"{row.search} ({row.run}): {row.trials} trials, {row.proposals} proposals, "
        f"{kept(row)}, {best}; a higher screen mean would have kept {naive(row)}"
    )


def kept(row: ControlsRow) -> str:
    """How many nodes a search built on; those of `explore` are not confirmed."""
    return f"{row.confirmed} confirmed" if row.confirmed == row.kept else f"{row.kept} unconfirmed"


def naive(row: ControlsRow) -> str:
    """How many nodes would have been kept for nothing but a higher mean in their screen."""
    count = f"{row.naive} of {row.compared}"
    return count if row.naive_gain is None else f"{count}, the best at {row.naive_gain:+.4f}"


def _half(estimate: Estimate) -> float:
    """Half of the interval: what comes after the ±."""
    return (estimate.high - estimate.low) / 2
