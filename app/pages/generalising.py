"""Does a gain hold on workloads that no search ran, and on others like them? In sentences."""

from collections.abc import Iterator, Mapping, Sequence

from ...evals import Estimate, judge
from ...search.studies.report import Report
from ...tasks import Metric
from .sentences import gain, rivals

HOLM = (
    "Clearly worse is a workload by Holm's rule: the chance that even one is named wrongly is at "
    "most 5 % for each rival."
)
MEANS: Mapping[judge.Transfer, str] = {
    "transfers": "its gain over its parent holds on workloads like the unseen ones",
    "does not transfer": "no gain over its parent worth claiming is left on workloads like these",
    "unknown": "the unseen workloads do not say whether its gain over its parent holds on others",
}


def verdict(node: str, word: judge.Transfer) -> str:
    """Whether a node transfers, and what that says."""
    says = f"whether {node} transfers is unknown" if word == "unknown" else f"{node} {word}"
    return f"{says}: {MEANS[word]}"


def unseen(reading: Report, names: Sequence[str], metric: Metric) -> Iterator[str]:
    """For each rival: better on these unseen workloads, and on workloads like these."""
    for part, title in rivals(reading).items():
        here = reading.transfer[part]
        yield gain(f"{title} on these workloads", here, metric, reading.confirmed)
        gains = {name: g for name, g in reading.over(part).items() if name in names}
        if gains:
            says = like_these(gains, metric, reading.confirmed)
            yield f"Better than {title} on workloads like these: {says}"


def like_these(gains: Mapping[str, Estimate], metric: Metric, confirmed: bool = True) -> str:
    """Whether a gain holds on workloads of which these are a sample, and what that rests on."""
    mean = judge.across(gains)
    if mean is None:
        doubt = "" if confirmed else "not confirmed; "
        return f"{doubt}unknown, as a single workload is no sample"
    by = f"{mean.gain:+.4f} ± {(mean.high - mean.low) / 2:.4f} {metric.unit}"
    answer = _answer(mean) if confirmed else "not confirmed; measured"
    words = (
        f"{answer}: {by}, taking these {mean.workloads} for a sample; on a further one "
        f"{mean.further_low:+.4f} to {mean.further_high:+.4f} is to be expected"
    )
    if same := [name for name, g in gains.items() if judge.identical(g)]:
        words += f"; identical on {', '.join(same)}, {len(same)} of the {len(gains)} in this mean"
    return words + (_rests_on(mean, judge.leave_one_out(gains)) if confirmed else "")


def _answer(mean: judge.AcrossWorkloads) -> str:
    if mean.low > 0:
        return "yes"
    return "no, worse" if mean.high < 0 else "not shown"


def _rests_on(mean: judge.AcrossWorkloads, without: Mapping[str, judge.AcrossWorkloads]) -> str:
    """What leaving one workload out changes."""
    if not without:
        return ""
    changed = dict[str, list[str]]()
    for name, rest in without.items():
        if _answer(rest) != _answer(mean):
            changed.setdefault(_answer(rest), []).append(name)
    if not changed:
        return "; the same without any one of them"
    parts = (f"without {' or '.join(names)} {answer}" for answer, names in changed.items())
    return f"; this rests on single workloads: {', '.join(parts)}"


def by_workload(reading: Report) -> Iterator[str]:
    """The gain over each rival workload by workload, and where the node is clearly worse."""
    for part, title in rivals(reading).items():
        gains = reading.over(part)
        if gains:
            listed = "; ".join(f"{name} {workload_gain(gain)}" for name, gain in gains.items())
            yield f"over {title}: {listed}"
            yield _harm(title, gains)


def workload_gain(gain: Estimate) -> str:
    """A gain on one workload; two programs that do the same there are identical."""
    return "identical" if judge.identical(gain) else str(gain)


def _harm(title: str, gains: Mapping[str, Estimate]) -> str:
    """Which workloads get worse beyond doubt."""
    worse = [f"{name} ({gains[name]})" for name in judge.clearly_worse(gains)]
    if not worse:
        return f"clearly worse than {title} on none"
    return f"clearly worse than {title} on {', '.join(worse)}"
