"""The verb `calibrate`: what a task's noise lets one find, and whether the judge can be trusted."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...agents.opening import open_agent
from ...archive import Archive
from ...evals import Keys, Rule, audit_start, judge
from ...search.budget import Caps
from ...search.desk.purse import budget_left, open_purse
from ...search.desk.wanted import Wanted, choose_models
from ...search.forecast import LATER, Instrument
from ...search.order import SandboxChoice
from ...search.plan import Plan, Standards, dear_seeds, rounded_up
from ...search.studies.known import calibrated, stored
from ...search.studies.spread import earlier_spreads
from ...tasks import load
from . import view
from .instrument import checks
from .noise_page import facts
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
    quick: bool = False,
) -> dict[str, Any]:
    """Calibrate a task, or look its calibration up. Returns the `record` of it.

    A `quick` one is made of the trials that a search runs anyway, and two more.

    Raises TaskError, ModelChoiceError, SandboxError and ArchiveError.
    """
    task = load(name)
    audit_start(task)
    models = choose_models(wanted, open_agent("seed_only"), task, "seed_only")
    planted = 1 + len(task.baselines)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with closing(choice.open(warn)) as sandbox, ExitStack() as stack:
        archive = Archive(where, create=True)
        console.print(f"warming the {sandbox.name} sandbox up ...")
        budget = budget_left(archive, "calibrate", models, Caps())
        purse = stack.enter_context(closing(open_purse(archive, "calibrate", models, budget)))
        keys = Keys.fresh()
        lab = purse.lab(task.keyed(keys.data), sandbox, choice.strict)
        known = None if again else stored(lab, archive)
        if known is None or (known.quick and not quick):
            count = dear_seeds(planted) if quick else seeds
            console.print(f"measuring {task.name} on {count} seeds ...")
        calibration = calibrated(lab, archive, Rule(), keys, seeds, choice.workers, again, quick)
    plan = Plan(minutes, choice.workers, planted)
    task, claimed = lab.task, earlier_spreads(archive, task.digest)
    rule = Standards().rule(calibration, task.metric, plan=plan)
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
        "regime": rule.regime,
        "regime_means": judge.regime_words(rule),
        "bound": rule.bound,
        "deterministic": rule.deterministic,
        "compared": calibration.compared,
        "spread_at_most": None
        if rule.pooled is None
        else judge.upper_bound(rule.pooled, judge.level(rule, [])),
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
        "glance_used": rule.glance > 0,
        "passed": calibration.passed,
    }


def calibration_view(record: Mapping[str, Any]) -> RenderableType:
    """A calibration in plain words."""
    parts: list[RenderableType] = [view.heading(facts(record)), Text()]
    parts += [Text("to find a gain of"), _needed(record), Text(), Text("checks", style="bold")]
    parts.append(_checks(record["checks"]))
    for check in record["checks"]:
        if check["ok"] is False:
            parts.append(Text(f"{check['name']}: {check['means']}", style="bold red"))
    return Group(*parts)


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
