"""The verb `calibrate`: what a task's noise lets one find, and whether the judge can be trusted."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...agents.opening import open_agent
from ...archive import Archive
from ...evals import Keys, Rule
from ...evals.calibration import HEAVIEST, MUCH_NOISE
from ...search.budget import Caps
from ...search.desk.purse import budget_left, open_purse
from ...search.desk.wanted import Wanted, choose_models
from ...search.forecast import LATER, OFTEN, Instrument
from ...search.order import SandboxChoice
from ...search.plan import Plan, Standards, rounded_up
from ...search.studies.known import calibrated, stored
from ...search.studies.spread import earlier_spreads
from ...tasks import load
from . import view
from .instrument import checks
from .terminal import warn

NO_MODELS = Wanted()
MULTIPLES = (0.5, 1, 2, 4, 8)  # of the smallest detectable gain, in the table of seeds


def calibrate(
    name: str,
    seeds: int,
    again: bool,
    minutes: float,
    choice: SandboxChoice,
    where: str,
    wanted: Wanted = NO_MODELS,
) -> dict[str, Any]:
    """Calibrate a task, or look its calibration up. Returns the `record` of it.

    Raises TaskError, ModelChoiceError, SandboxError and ArchiveError.
    """
    task = load(name)
    models = choose_models(wanted, open_agent("seed_only"), task, "seed_only")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with closing(choice.open(warn)) as sandbox, ExitStack() as stack:
        archive = Archive(where, create=True)
        console.print(f"warming the {sandbox.name} sandbox up ...")
        budget = budget_left(archive, "calibrate", models, Caps())
        purse = stack.enter_context(closing(open_purse(archive, "calibrate", models, budget)))
        keys = Keys.fresh()
        lab = purse.lab(task.keyed(keys.data), sandbox, choice.strict)
        if again or stored(lab, archive) is None:
            console.print(f"measuring {task.name} on {seeds} seeds ...")
        calibration = calibrated(lab, archive, Rule(), keys, seeds, choice.workers, again)
    plan = Plan(minutes, choice.workers, 1 + len(task.baselines))
    claimed = earlier_spreads(archive, task.digest)
    rule = Standards().rule(calibration, task.metric)
    instrument = Instrument(calibration, rule, task.metric, claimed)
    return record(task.name, instrument, plan)


def record(name: str, instrument: Instrument, plan: Plan) -> dict[str, Any]:
    """What `--json` prints of a calibration, and of what a budget can find with it."""
    calibration, rule, metric, _ = instrument
    pairs = plan.pairs(calibration, rule)
    least = instrument.least(rule.most)
    effects = [] if least is None else [rounded_up(least * m) for m in MULTIPLES]
    return {
        **calibration.model_dump(mode="json"),
        "name": name,
        "unit": metric.unit,
        "minimum_gain": metric.minimum_gain,
        "design": calibration.design,
        "bound": rule.bound,
        "deterministic": rule.deterministic,
        "most": rule.most,
        "detectable": least,
        "expected_spread": instrument.spread,
        "expected_spread_basis": instrument.basis,
        "detectable_by_later_claims": instrument.least(rule.most, LATER),
        "minutes": plan.minutes,
        "pairs_within_minutes": pairs,
        "detectable_within_minutes": instrument.least(pairs),
        "failure_weight": calibration.failure_weight(metric),
        "needed": [{"effect": effect, "seeds": instrument.pairs_for(effect)} for effect in effects],
        "checks": checks(calibration, metric),
        "glance_used": not calibration.glance.misleading,
        "passed": calibration.passed,
    }


def calibration_view(record: Mapping[str, Any]) -> RenderableType:
    """A calibration in plain words."""
    parts: list[RenderableType] = [view.heading(_facts(record)), Text()]
    parts += [Text("to find a gain of"), _needed(record), Text(), Text("checks", style="bold")]
    parts.append(_checks(record["checks"]))
    for check in record["checks"]:
        if check["ok"] is False:
            parts.append(Text(f"{check['name']}: {check['means']}", style="bold red"))
    return Group(*parts)


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    unit, noise = record["unit"], record["noise"]
    by_workload = ", ".join(f"{name} {sd:.2g}" for name, sd in record["workloads"].items())
    facts = {
        "task": f"{record['name']}, measured on {record['seeds']} seeds",
        "noise": f"the score of one program differs by {noise:.2g} {unit} from seed to seed "
        f"(standard deviation, {_give_or_take(record['seeds'])}; {by_workload})",
        "comparing": _pairing(record),
        "grader": _grader(record["grader"]),
        "failed seed": _failed_seed(record["failure_weight"]),
        "cost": f"{record['cpu_seconds']:.2g} s of CPU a seed; a worker is busy with it for "
        f"{record['seconds']:.2g} s",
        "bound": _bound(record),
        "can find": _findable(record),
        "glance": _glance(record),
    }
    if record["failed"]:
        facts["failures"] = f"{100 * record['failed']:.0f} % of the start's seeds have no score"
    if record["screens"]:
        screens = record["screens"]
        facts["screen"] = (
            f"a child better by {screens['effect']:.2g} {unit} is lost at the first look "
            f"{100 * screens['first_look']:.0f} times in 100, in the whole screen "
            f"{100 * screens['screen']:.0f} times"
        )
    return facts


def _bound(record: Mapping[str, Any]) -> str:
    if record["deterministic"]:
        return "every score repeats to the last bit, so that one repetition confirms a gain"
    if record["bound"] is None:
        return "none: no spread was measured"
    return (
        f"a single gain counts as at most {record['bound']:.2g} {record['unit']} more or less than "
        "the smallest gain worth claiming"
    )


def _pairing(record: Mapping[str, Any]) -> str:
    unit, paired, unpaired = record["unit"], record["paired"], record["unpaired"]
    half, copies = max(2, record["seeds"] // 2), record["copies"]
    spread = (
        f"the difference of two similar programs varies by {paired:.2g} {unit} on the same seeds, "
        f"by {unpaired:.2g} on different ones (medians of {copies} copies, on {half} seeds each, "
        f"{_give_or_take(half)})"
    )
    if record["design"] == "unpaired":
        design = "different seeds are used, as sharing them does not help here"
    else:
        saved = f"{(unpaired / paired) ** 2:.2g}" if paired else "any number of"
        design = f"the same seeds are used, each worth {saved} different ones"
    if record["distant"] is not None:
        of = f"median of {record['baselines']}" if record["baselines"] else "median"
        distant = f"varies by {record['distant']:.2g} ({of}, on {half} seeds each)"
        design += f"; that of the start and a baseline {distant}"
    return f"{spread}: {design}"


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
    if not chances:
        return f"{use}; no two programs of the task differ enough to try it on"
    return (
        f"{use}: of {chances} times that a better program met it, it would have killed it {wrong} "
        "times"
    )


def _needed(record: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, padding=(0, 2), show_header=False)
    for row in record["needed"]:
        few = f"{row['seeds']} seeds" if row["seeds"] else f"more than {record['most']} seeds"
        table.add_row(Text(f"{row['effect']:g} {record['unit']}", justify="right"), Text(few))
    return table


def _checks(checks: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table(box=None, padding=(0, 2), show_header=False)
    signs = {True: ("ok", "green"), False: ("!!", "bold red"), None: ("--", "dim")}
    for check in checks:
        sign, style = signs[check["ok"]]
        table.add_row(Text(sign, style=style), Text(check["name"]), Text(check["found"]))
    return table
