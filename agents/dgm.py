"""Darwin Goedel Machine (Zhang et al. 2025): diagnose a parent from its records, then modify it.

As published: a reasoning step writes an issue from the parent's own records, a second step resolves
it knowing the issue and the code alone, and the policy `dgm` keeps every lineage open. Mended: the
diagnosis sees search workloads alone; a patch that is empty, does not apply or breaks the program
goes back with what is wrong; meta problems are drawn only where the records show them.

What differs: there the changed program is the proposer itself, here it is the task's. To let
proposers change themselves, search on the task `research_agent`, and use what is found as the agent
RUN.NUMBER. The ablations of the paper are switches of the search: without self-improvement is any
task but that one, with this agent as the fixed proposer; without an open-ended archive is
`--select latest`, which always builds on the last kept node.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from ..evals import Candidate, judge
from ..sandbox.text import clean, line
from .base import Brief, ProposalError
from .research.asking import HANDED, messages, occasion
from .research.facts import interval, outcome, span
from .research.forms import Form, Patch
from .research.programs import Fault, broken, built, editable, failure, void
from .research.prompts import fill
from .research.recall import Entry, core_words, said, table

META = 0.25  # probability of each meta problem that applies
EMPTY = 0.1  # share of a parent's proposals that came to nothing, from which it is a problem
FAILING = 2  # number of broken or refuted children from which they are a problem
LOGS, LOG = 3, 1500  # failures that are shown, and characters of each
CHILDREN = 8000  # characters of the table of children
ROUNDS = 3  # most patches that are asked for
IDEA = 400


class Report(Form):
    """What a diagnosis hands on; the one who writes reads the last two."""

    log_summary: str
    potential_improvements: tuple[str, ...]
    improvement_proposal: str
    implementation_suggestion: str
    problem_description: str


class Problem(NamedTuple):
    """A problem that a diagnosis is asked to look into."""

    name: str
    words: str


NOTHING_NEW = Problem(
    "empty patches",
    "Many proposals from this parent came to nothing: the programs equalled known ones, or behaved "
    "as they do. What makes changes here so often void, and which change would really act?",
)
UNRELIABLE = Problem(
    "failing children",
    "Children of this parent keep failing: they break, or what they gained on some seeds does not "
    "hold on others. What makes the program brittle or its results depend on chance?",
)


def create() -> "Dgm":
    """Open the agent."""
    return Dgm()


class Dgm:
    """Two model calls per proposal, or a few more. The agent keeps no state between proposals."""

    select = "dgm"
    attempts = 2
    needs_model = True
    requests = 2

    def propose(self, brief: Brief) -> Candidate:
        """Offer a patched parent that passed its try-out; raises ProposalError where none did."""
        chosen = problem(brief)
        core = core_words(brief)
        text = fill(
            "dgm_diagnose",
            records=records(brief),
            problem=chosen.words,
            occasion=occasion(brief),
        )
        report = brief.desk.ask("diagnose", "diagnose", messages(core, text), Report)
        return _written(brief, chosen, report, core)


def problem(brief: Brief) -> Problem:
    """A meta problem that applies, with a chance of a quarter each, or the weakest workload."""
    children = brief.tree.children(brief.parent)
    empty = sum(child.discarded + void(child) for child in children)
    proposals = sum(1 + child.discarded for child in children)
    if empty and empty >= EMPTY * proposals and brief.rng.random() < META:
        return NOTHING_NEW
    failed = [child for child in children if broken(child) or child.given_up]
    if len(failed) >= FAILING and brief.rng.random() < META:
        return UNRELIABLE
    name = weakest(workload_gains(brief), brief.rng)
    focus = (
        f"Of all workloads the parent gains least on {name!r}. What limits it there? The same "
        "program has to do well on every workload and may not tell them apart."
    )
    return Problem(f"workload {name}", focus)


def weakest(gains: Mapping[str, Sequence[float]], rng: Random) -> str:
    """The workload of the smallest mean gain; any of them if several are, or nothing is known."""
    means = {name: sum(values) / len(values) if values else 0.0 for name, values in gains.items()}
    lowest = min(means.values())
    return rng.choice([name for name, mean in means.items() if mean == lowest])


def workload_gains(brief: Brief) -> dict[str, tuple[float, ...]]:
    """The parent's gains over the start by workload, seed by seed; older archives have none."""
    names, values = brief.task.manifest.workloads.dev, brief.parent.instances
    size, rest = divmod(len(values), len(names))
    if rest:
        size = 0
    return {name: values[at * size : (at + 1) * size] for at, name in enumerate(names)}


def records(brief: Brief) -> str:
    """The parent's records: gains by workload, its children, and the last failures."""
    metric = brief.task.metric
    newest = list(reversed(brief.tree.children(brief.parent)))
    entries = (Entry(outcome(node, metric), said(node)) for node in newest)
    failed = [node for node in newest if broken(node)][:LOGS]
    logs = [f"{outcome(node, metric)}\n\n{failure(node, LOG)}" for node in failed]
    parts = [
        _by_workload(brief),
        table("What became of its children, newest first", entries, CHILDREN),
        "\n\n".join(["## How the last of them failed", *logs]) if logs else "",
    ]
    return "\n\n".join(["# The parent's records", *(part for part in parts if part)])


def _by_workload(brief: Brief) -> str:
    metric, lines = brief.task.metric, list[str]()
    for name, gains in workload_gains(brief).items():
        if len(gains) > 1:
            gain = interval(judge.summary(gains))
            seeds = f"over the start on {gain.pairs} seeds"
            lines.append(f"- {name}: {span(gain, metric)} {seeds}")
    return "\n".join(["## Gains by workload, with 95 % intervals", "", *lines]) if lines else ""


def _written(brief: Brief, chosen: Problem, report: Report, core: str) -> Candidate:
    """Have the issue resolved; a patch that will not do goes back."""
    text = fill(
        "dgm_write",
        description=clean(report.problem_description, HANDED),
        suggestion=clean(report.implementation_suggestion, HANDED),
        files=editable(brief),
    )
    again: tuple[str, ...] = ()
    for count in range(1, ROUNDS + 1):
        talk = messages(core, text, again)
        patch = brief.desk.ask("write" if count == 1 else f"write/{count}", "write", talk, Patch)
        files = built(brief, patch.edits)
        if not isinstance(files, Fault):
            return _candidate(brief, chosen, report, files, count)
        fault = files
        again = (*again, patch.model_dump_json(), fill("dgm_mend", error=fault.told))
    raise ProposalError(f"no patch would do in {ROUNDS} rounds: {fault.sentence}")


def _candidate(
    brief: Brief, chosen: Problem, report: Report, files: dict[str, str], rounds: int
) -> Candidate:
    notes = {
        "operator": "self-modification",
        "problem": chosen.name,
        "diagnosis": report.log_summary,
        "hypothesis": report.improvement_proposal,
        "repairs": str(rounds - 1),
        "model": brief.desk.model("write"),
    }
    return Candidate(
        files=files, idea=line(report.improvement_proposal, IDEA), proposer="dgm", notes=notes
    )
