"""The verb `check`: what a task is, what a trial costs, and what a search could find."""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

from rich.console import Console, RenderableType

from ...evals import audit_start
from ...search.order import SandboxChoice
from ...search.plan import Plan
from ...search.studies.check import check as examine
from ...tasks import load, trust_line
from .terminal import warn
from .view import heading

ROUGH = "a rough guess by so few seeds; the search measures it first"


def check(name: str, minutes: float, choice: SandboxChoice) -> dict[str, Any]:
    """Check a task; returns the record that `--json` prints.

    Raises TaskError for a task that cannot be searched, and SandboxError.
    """
    task = load(name)
    flags = audit_start(task).flags
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    with closing(choice.open(warn)) as sandbox:
        plan = Plan(minutes, choice.workers, 1 + len(task.baselines))
        checked = examine(task, flags, sandbox, plan, console.print)
    return checked.model_dump(mode="json")


def check_view(record: Mapping[str, Any]) -> RenderableType:
    """A check in sentences."""
    scores = ", ".join(f"{score:.6g}" for score in record["scores"])
    again = "the same to the last bit" if record["repeats"] else "something else"
    facts = {
        "task": record["task"],
        "trust": trust_line(record["level"]).removeprefix("trust: "),
        "scores": f"{scores} {record['unit']}; the first seed again scored {again}",
        "noise": f"{record['noise']:.2g} {record['unit']} from seed to seed ({ROUGH})",
        "regime": f"{record['regime']} (in a search of {record['minutes']:g} minutes)",
        "trial": f"{record['seconds']:.2g} s, of which {record['cpu_seconds']:.2g} s of CPU while "
        f"it trains; {record['allowed_seconds']:g} s are allowed",
        "memory": _memory(record),
        "a job": f"{record['per_job']} seed{'s' if record['per_job'] > 1 else ''}",
        "forecast": record["forecast"],
    }
    if record["exact"]:
        facts["noise"] = "none: different seeds score the same, so nothing here is random"
    if not record["repeats"]:
        facts["mend"] = (
            "one seed should score the same twice: look for time, threads or random numbers that "
            "do not follow the seed, or set repeats_within under [metric]"
        )
    if record["failed"]:
        facts["failed"] = f"{record['failed']} of the seeds have no score"
    if record["flags"]:
        facts["audit"] = "; ".join(record["flags"])
    return heading(facts)


def _memory(record: Mapping[str, Any]) -> str:
    allowed = f"{record['allowed_memory']} MB are allowed"
    if record["memory"] is None:
        return f"not measured; {allowed}"
    return f"{record['memory'] or 'less than 1'} MB beyond what its libraries take; {allowed}"
