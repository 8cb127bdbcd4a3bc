"""What was measured, in sentences that need no statistics to be read."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from ...archive import Node
from ...evals import Claim, Estimate, Rule
from ...sandbox.text import line
from ...search.studies.ablate import AblationStep
from ...search.studies.controls import ControlsRow
from ...search.studies.report import Report
from ...tasks import Metric
from ..cli.view import claim_words

SPLITS = {"parent": "its parent", "start": "the starting program", "baseline": "the best baseline"}


def gain(name: str, found: Estimate, metric: Metric, confirmed: bool = True) -> str:
    """Whether something is better than `name`, by how much, and how that is known."""
    by = f"{abs(found.gain):.4f} ± {_half(found):.4f} {metric.unit}"
    seeds = f"on {found.pairs} seeds that nothing else used"
    if not confirmed:
        words = f"not confirmed; measured {found} {metric.unit} {seeds}"
    elif found.low > 0:
        small = found.gain < metric.minimum_gain
        less = f", less than the {metric.minimum_gain:g} worth claiming," if small else ""
        words = f"yes, by {by}{less} {seeds}"
    elif found.high < 0:
        words = f"no, worse by {by} {seeds}"
    else:
        words = f"not shown: {found} {metric.unit} {seeds}, could be none"
    return f"Better than {name}: {words}"


def fruitless(made: Sequence[Node]) -> str:
    """Why nothing that was proposed could be measured: the commonest reasons."""
    if not made:
        return "nothing was proposed"
    counted = Counter(node.verdict.reason for node in made if node.verdict).most_common(3)
    reasons = "; ".join(f"{count} x {line(reason, 200)}" for reason, count in counted)
    return f"not one of {len(made)} proposals could be measured: {reasons}"


def step(each: AblationStep, unit: str) -> str:
    """What taking one step out of the best program did to it."""
    what = {
        "matters": "still matters: without it {} worse",
        "better without": "better without it, by {}",
        "not measurable": "no longer matters measurably: without it {} {}",
        "gone": "later steps left nothing of it",
        "inseparable": "cannot be taken out alone: {}",
    }[each.finding]
    if each.gain is not None:
        by = f"{abs(each.gain.gain):.4f} ± {_half(each.gain):.4f} {unit}"
        what = what.format(by, "worse" if each.gain.gain > 0 else "better")
    what = what.format(each.why)
    if each.dispensable:
        what += f"; a candidate for simplification: {each.smaller} syntax nodes less"
    return f"{each.node} ({each.idea}): {what}"


def compared(read: Report, gains: Mapping[str, Estimate], metric: Metric) -> list[str]:
    """One sentence for each rival, whatever parts it plays."""
    names = {"parent": read.parent, "start": "start", "baseline": read.baseline}
    parts: dict[str, list[str]] = {}
    for split, name in names.items():
        parts.setdefault(name, []).append(split)
    return [
        gain(
            f"{name} ({' and '.join(SPLITS[split] for split in splits)})",
            gains[splits[0]],
            metric,
            read.confirmed,
        )
        for name, splits in parts.items()
    ]


def budget(rule: Rule) -> str:
    """What the run's error budget promises of its claims."""
    share = f"{100 * rule.alpha:g} %"
    if rule.control == "fdr":
        return f"judged so that at most {share} of those that hold are expected to be false"
    return f"judged so that the chance of even one false claim in the run is at most {share}"


def claims(read: Report, rule: Rule, metric: Metric) -> list[str]:
    """What was put to fresh seeds of the node, over its parent and over the best baseline."""
    lines = [_claim(name, claim, rule, metric) for name, claim in read.claims.items()]
    first = next(iter(read.claims.values()))
    if read.baseline not in read.claims and first.held:
        why = "as the seeds that rank did not promise that it would hold"
        why = why if first.says == "better" else "as a simpler program claims no more"
        lines.append(f"Better than {read.baseline}: never put to fresh seeds, {why}")
    return lines


def _claim(name: str, claim: Claim, rule: Rule, metric: Metric) -> str:
    margin = abs(rule.margin(metric, claim.says))
    says = {
        "better": f"Better than {name} by more than {margin:g} {metric.unit}",
        "simpler": f"Less code than {name} and no worse (a loss under {margin:g} counts as none)",
    }[claim.says]
    record = {**claim.model_dump(), "log_threshold": -math.log(claim.level)}
    return f"{says}: {claim_words(record)}"


def bias(read: Report, metric: Metric) -> list[str]:
    """The gain over the parent as the search saw it, beside what the sealed seeds say."""
    assert read.screen is not None
    found, unit = read.dev["parent"], metric.unit
    lines = [
        f"{read.screen.mean:+.4f} {unit} on the {read.screen.pairs} search seeds that picked it out"
    ]
    if read.ranked:
        lines.append(f"{read.ranked} {unit} on {read.ranked.pairs} common seeds, which rank")
    lines.append(f"{found} {unit} on {found.pairs} sealed seeds, which decided nothing")
    excess, noise = read.screen.mean - found.gain, math.hypot(read.screen.error, found.error)
    flattered = f"yes: the search saw {excess:.4f} {unit} too much, more than noise explains"
    lines.append(flattered if excess > 2 * noise else "no: the search saw no more than noise adds")
    return lines


def search(row: ControlsRow) -> str:
    """One search of the table of controls."""
    best = f"best {row.best}, {row.dev}, unseen {row.transfer}" if row.dev else "nothing to compare"
    return (
        f"{row.search} ({row.run}): {row.trials} trials, {row.proposals} proposals, "
        f"{kept(row)}, {best}; a higher screen mean would have kept {naive(row)}"
    )


def kept(row: ControlsRow) -> str:
    """How many nodes a search built on; those of `explore` are not confirmed."""
    return f"{row.confirmed} confirmed" if row.confirmed == row.kept else f"{row.kept} unconfirmed"


def naive(row: ControlsRow) -> str:
    """What keeping whatever has the higher mean in its screen would have kept."""
    found = f"{row.naive} of {row.compared}"
    return found if row.naive_gain is None else f"{found}, the best at {row.naive_gain:+.4f}"


def _half(found: Estimate) -> float:
    """Half of the interval: what comes after the ±."""
    return (found.high - found.low) / 2
