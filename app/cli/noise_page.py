"""What a calibration says of a task's noise, in words."""

import math
from collections.abc import Mapping
from typing import Any

from ...evals.calibration import HEAVIEST, MUCH_NOISE
from ...search.forecast import LATER, OFTEN

TIMES: Mapping[int, str] = {0: "never", 1: "once"}
QUICK = "not measured by a quick calibration: leave --quick out"


def facts(record: Mapping[str, Any]) -> dict[str, str]:
    """What `calibrate.record` holds, as sentences under headings."""
    unit, noise = record["unit"], record["noise"]
    by_workload = ", ".join(f"{name} {sd:.2g}" for name, sd in record["workloads"].items())
    quickly = ", by a quick calibration" if record["quick"] else ""
    lines = {
        "task": f"{record['name']}, measured on {record['seeds']} seeds{quickly}",
        "regime": f"{record['regime_means']} (in a search of {record['minutes']:g} minutes)",
        "noise": f"the score of one program differs by {noise:.2g} {unit} from seed to seed "
        f"(standard deviation, {_give_or_take(record['seeds'])}; {by_workload})",
        "comparing": _pairing(record),
        "grader": QUICK if record["quick"] else _grader(record["grader"]),
        "failed seed": _failed_seed(record["failure_weight"]),
        "cost": f"{record['cpu_seconds']:.2g} s of CPU a seed; a worker is busy with it for "
        f"{record['seconds']:.2g} s",
        "bound": _bound(record),
        "can find": _findable(record),
        "glance": _glance(record),
    }
    if record["failed"]:
        lines["failures"] = f"{100 * record['failed']:.0f} % of the start's seeds have no score"
    if record["screens"] and record["regime"] == "usual":
        screens = record["screens"]
        lines["screen"] = (
            f"a child better by {screens['effect']:.2g} {unit} is lost at the first look "
            f"{100 * screens['first_look']:.0f} times in 100, in the whole screen "
            f"{100 * screens['screen']:.0f} times"
        )
    return lines


def _bound(record: Mapping[str, Any]) -> str:
    """How much a single gain may count, or what takes the place of that."""
    unit, pooled = record["unit"], record["pooled"]
    if record["regime"] == "deterministic":
        return "none is needed, as nothing here depends on a seed"
    if record["regime"] == "dear":
        return (
            f"a single gain counts in full. Its spread is taken to be at most "
            f"{record['spread_at_most']:.2g} {unit} in the first claim: an upper bound by the "
            f"{pooled['sd']:.2g} that were measured ({pooled['freedom']:.0f} degrees of freedom)"
        )
    if record["bound"] is None:
        return "none: no spread was measured"
    return (
        f"a single gain counts as at most {record['bound']:.2g} {unit} more or less than the "
        "smallest gain worth claiming"
    )


def _pairing(record: Mapping[str, Any]) -> str:
    """How much two programs differ on the same and on other seeds, and which of them are used."""
    unit, paired, unpaired = record["unit"], record["paired"], record["unpaired"]
    if not record["copies"] and not record["baselines"]:
        return (
            f"two copies of the start that share no seed differ by {paired:.2g} {unit} "
            f"({_give_or_take(record['seeds'])}); nothing else was compared, so the "
            f"{'same' if record['design'] == 'paired' else 'different'} seeds are used untried"
        )
    others = _counted(record["copies"], "a slightly changed copy", "slightly changed copies")
    if not record["copies"]:
        others = _counted(record["baselines"], "a baseline", "baselines")
    spread = (
        f"the difference to {others} varies by {paired:.2g} {unit} on the same seeds, by "
        f"{unpaired:.2g} on different ones ({_on(record)}): "
    )
    if record["design"] == "unpaired":
        design = "different seeds are used, as sharing them does not help here"
    else:
        design = f"the same seeds are used, each worth {_worth(paired, unpaired)} different ones"
    if record["copies"] and record["distant"] is not None:
        far = _counted(record["baselines"], "a baseline", "baselines")
        design += f"; the difference to {far} varies by {record['distant']:.2g} ({_on(record)})"
    return spread + design


def _worth(paired: float, unpaired: float) -> str:
    """How many seeds that are not shared tell as much as one that is."""
    if not paired:
        return "any number of"
    seeds = (unpaired / paired) ** 2
    return f"{seeds:.2g}" if seeds < 10 else f"{seeds:,.0f}"


def _counted(count: int, one: str, many: str) -> str:
    """The programs that the start was compared with; the spread of many is their median."""
    if count == 1:
        return one
    return f"{count} {many}, in the median," if count else many  # older ones were not counted


def _on(record: Mapping[str, Any]) -> str:
    """On how many seeds a difference was measured, and how sure its spread is."""
    return f"{record['compared']} seeds each, {_give_or_take(record['compared'])}"


def _give_or_take(seeds: int) -> str:
    """The standard error of a standard deviation over so many seeds with normal scores."""
    return f"give or take {100 / math.sqrt(2 * (seeds - 1)):.0f} %"


def _grader(noise: Mapping[str, Any] | None) -> str:
    """Which part of the noise the grader makes, and what to do about much of it."""
    if noise is None:
        return "its part of the noise was not measured: give --again"
    if not noise["high"]:
        return "it makes no noise: a score does not depend on what the grader draws"
    counted = "1 program" if noise["programs"] == 1 else f"{noise['programs']} programs"
    words = (
        f"{100 * noise['share']:.0f} % of the noise of a difference is the grader's "
        f"({100 * noise['low']:.0f} to {100 * noise['high']:.0f} % with 95 % confidence, from "
        f"{counted} scored on two sealed draws for each of {noise['seeds']} seeds)"
    )
    if noise["share"] > MUCH_NOISE:
        words += ": score each seed on more examples, and every comparison takes fewer seeds"
    return words


def _failed_seed(weight: float | None) -> str:
    """How much one seed without a score counts, and what to do where that is too much."""
    if weight is None:
        return "what one weighs is not known"
    words = f"one failed seed weighs as much as {weight:.0f} spreads of a gain"
    if weight > HEAVIEST:
        words += (
            f", more than {HEAVIEST:.0f}: set worst in task.toml nearer to what a bad run scores"
        )
    return words


def _findable(record: Mapping[str, Any]) -> str:
    unit, least, most = record["unit"], record["detectable"], record["most"]
    if least is None or record["detectable_by_later_claims"] is None:
        return "nothing: no gain is large enough"
    within, pairs = record["detectable_within_minutes"], record["pairs_within_minutes"]
    if within is None:
        limit = " nothing: they end before one comparison can"
    else:
        limit = " the same" if pairs == most else f", which leave {pairs} seeds, {within:.2g}"
    later, spread = record["detectable_by_later_claims"], record["expected_spread"]
    return (
        f"a gain of {least:.2g} {unit}, {OFTEN}, by the first claim of a run with up to {most} "
        f"seeds, and one of {later:.2g} by claim {LATER} if none held before; within "
        f"{record['minutes']:g} minutes{limit}. What the screen loses is counted. The spread of "
        f"one gain is taken to be {spread:.2g} {unit}, {record['expected_spread_basis']}"
    )


def _glance(record: Mapping[str, Any]) -> str:
    wrong, chances = record["glance"]["wrong"], record["glance"]["chances"]
    use = "will be used" if record["glance_used"] else "will not be used"
    if record["regime"] != "usual":
        return f"{use}: a screen is as short here"
    if record["quick"]:
        return f"{use}; it was not tried, as this calibration was quick"
    if not chances:
        return f"{use}; no two programs of the task differ enough to try it on"
    met, killed = (TIMES.get(count, f"{count} times") for count in (chances, wrong))
    return f"{use}: a better program met it {met}, and it would have killed that {killed}"
