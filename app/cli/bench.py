"""The verb `bench agents`: searches of equal budget by several agents, and how far each came."""

import re
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.table import Table as Drawing
from rich.text import Text

from ...agents.base import AgentError
from ...agents.llm import ModelError
from ...agents.opening import open_agent
from ...archive import Archive
from ...evals import Keys, Rule
from ...sandbox import Sandbox
from ...search.assemble import policy
from ...search.budget import Budget
from ...search.desk.purse import exists, open_purse
from ...search.desk.wanted import Wanted, choose_models
from ...search.forecast import agree_rule
from ...search.order import Chance, SandboxChoice, Say
from ...search.plan import Plan, Standards
from ...search.studies.contest.compare import AgentStanding, BenchTable, compare, overall
from ...search.studies.contest.improvement import Interval
from ...search.studies.contest.searches import Entrant, Terms, conduct, rule_of
from ...search.studies.known import stored
from ...search.tune import share
from ...tasks import Task, TaskError, load
from ..pages import curves
from .terminal import speaker, warn
from .view import UNVALIDATED

NOTE = (
    "A search that confirmed nothing above the best baseline hands that over, a gain of nothing. "
    "Each ± is a 95 % interval for the mean over searches, and needs several of them to mean much. "
    "P is the probability that a search of the agent ends above one of the first agent, ties half; "
    "in brackets its 95 % interval, or where one of them always won the exact chance that two "
    "equal agents come out so. `ahead` is how much higher its mean gain is than the first agent's."
)


class BenchOrder(NamedTuple):
    """Which agents to compare on which tasks, and what each of the `searches` may spend.

    `trials` and `dollars` are of one search. A bench of the same `name` is gone on with. `plot` is
    the SVG to draw, if any.
    """

    tasks: tuple[str, ...]
    agents: tuple[str, ...]
    trials: int
    searches: int
    dollars: float | None = None
    models: Wanted = Wanted()
    chance: Chance = Chance()
    name: str = "bench"
    plot: Path | None = None


def bench_agents(order: BenchOrder, choice: SandboxChoice, where: str) -> list[BenchTable]:
    """Run what is missing of a bench and measure it. Returns a table for each task.

    Progress goes to standard error. Whatever was finished is in the archive: the same order goes on
    from there. Raises AgentError, ModelChoiceError or PlotError before anything is run.
    """
    if order.plot is not None:
        curves.check(order.plot)
    tasks = [load(name) for name in dict.fromkeys(order.tasks)]
    existing = Archive(where) if exists(where) else None
    entrants = {task.name: _entrants(order, task, existing) for task in tasks}
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    say = speaker(console)
    archive = Archive(where, create=True)
    with closing(choice.open(warn)) as sandbox:
        try:
            tables = [
                _on_task(order, choice, task, entrants[task.name], archive, sandbox, say)
                for task in tasks
            ]
        except KeyboardInterrupt:
            say("\nstopped. Everything finished is in the archive: give the same command")
            raise
        except ModelError as error:
            again = "everything finished is in the archive: the same command goes on"
            raise ModelError(f"{error}; {again}") from error
    if order.plot is not None:
        curves.plot(tables, order.plot)
    return tables


def _entrants(order: BenchOrder, task: Task, archive: Archive | None) -> list[Entrant]:
    """The agents of the bench on one task. Only those that ask a model get one.

    Raises AgentError for an agent or a name that cannot be, and ModelChoiceError.
    """
    if not order.agents or re.fullmatch(r"[\w-]+", order.name) is None:
        raise AgentError("give --agents, and a --name of letters, digits, _ and -")
    if len(set(order.agents)) < len(order.agents):
        raise AgentError(f"{', '.join(order.agents)} names an agent twice")
    entrants = []
    for name in order.agents:
        agent = open_agent(name, archive)
        policy(agent.select)
        asks = agent.needs_model or task.manifest.model
        models = choose_models(order.models, agent, task, name) if asks else None
        entrants.append(Entrant(name, agent.select, models, share(task, agent)))
    return entrants


def _on_task(
    order: BenchOrder,
    choice: SandboxChoice,
    task: Task,
    entrants: Sequence[Entrant],
    archive: Archive,
    sandbox: Sandbox,
    say: Say,
) -> BenchTable:
    """Conduct every search on a task, one number after another, and compare what they found.

    Raises AgentError where the trials are too few for any search, and TaskError for a task without
    transfer workloads.
    """
    if not task.manifest.workloads.transfer:
        raise TaskError(
            f"task {task.name!r} has no workloads that a search does not see, on which a bench "
            "compares: name some as transfer"
        )
    models = next((entrant.models for entrant in entrants if entrant.models), None)
    # Of no search: what is measured here decides nothing in one, and none has to pay for it.
    with closing(open_purse(archive, f"{order.name}-{task.name}", models, Budget())) as purse:
        keys = Keys.fresh()
        lab = purse.lab(task.keyed(keys.data), sandbox, choice.strict)
        plan = Plan(None, choice.workers, 1 + len(task.baselines))
        stored(lab, archive)  # also gives the task what it measured
        rule = rule_of(archive, order.name, task) or agree_rule(
            lab, archive, keys, Standards(), plan, say
        )
        terms = _terms(order, choice, lab.task, rule)
        for number in range(1, order.searches + 1):
            for entrant in entrants:
                conduct(terms, entrant, number, archive, sandbox, say)
        return compare(terms, entrants, lab, archive, say)


def _terms(order: BenchOrder, choice: SandboxChoice, task: Task, rule: Rule) -> Terms:
    """What every search on a task has in common; raises AgentError where it could try nothing."""
    least = rule.estimate * (1 + len(task.baselines))
    if order.trials <= least:
        raise AgentError(
            f"the start and the baselines of {task.name} take {least} trials, and nothing "
            f"would be left of {order.trials}: give more --trials"
        )
    return Terms(
        bench=order.name,
        task=task,
        rule=rule,
        trials=order.trials,
        searches=order.searches,
        sandbox=choice.sandbox,
        sharing=choice.sharing,
        workers=choice.workers,
        chance=order.chance,
        dollars=order.dollars,
    )


def bench_record(tables: Sequence[BenchTable]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "tasks": [table.model_dump(mode="json") for table in tables],
        "overall": {name: better.model_dump() for name, better in overall(tables).items()},
    }


def bench_view(tables: Sequence[BenchTable]) -> RenderableType:
    """A table a task, and where there are several how the agents compare over all."""
    parts: list[RenderableType] = []
    for table in tables:
        head = (
            f"{table.task}: {len(table.searches) // len(table.standings)} searches of "
            f"{table.trials} trials an agent; gain over {table.baseline}, {table.unit}"
        )
        parts += [Text(head, style="bold"), _drawn(table), Text()]
        if not table.validated:
            parts.append(UNVALIDATED)
    if len(tables) > 1:
        parts.append(Text("over all tasks", style="bold"))
        first = tables[0].standings[0].agent
        for name, better in overall(tables).items():
            parts.append(Text(f"  P({name} > {first}) = {_chance(better)}"))
    return Group(*parts, Text(NOTE, style="dim"))


COLUMNS = (
    "agent", "searches", "trials", "proposals", "gain", "gain, unseen workloads",
    "confirmed any", "beat it", "ahead", "P", "tokens", "dollars", "CPU s",
)  # fmt: skip


def _drawn(table: BenchTable) -> RenderableType:
    drawing = Drawing(box=None, padding=(0, 1))
    for column in COLUMNS:
        drawing.add_column(column)
    for standing in table.standings:
        drawing.add_row(*map(Text, cells(standing)))
    return drawing


def cells(standing: AgentStanding) -> list[str]:
    """One agent on one task, as the columns say. Numbers of a search are means over searches."""
    return [
        standing.agent,
        str(standing.searches),
        f"{standing.trials:.0f}",
        f"{standing.proposals:.0f}",
        str(standing.gain),
        str(standing.unseen),
        f"{standing.found} of {standing.searches}",
        f"{standing.beat} of {standing.searches}",
        "" if standing.ahead is None else str(standing.ahead),
        "" if standing.better is None else _chance(standing.better),
        f"{standing.tokens:,.0f}",
        f"{standing.dollars:.2f}",
        f"{standing.seconds:,.0f}",
    ]


def _chance(better: Interval) -> str:
    if better.luck is not None:
        return f"{better.value:.2f} (p = {better.luck:.2g})"
    if better.low is None or better.high is None:
        return f"{better.value:.2f}"
    return f"{better.value:.2f} [{better.low:.2f}, {better.high:.2f}]"
