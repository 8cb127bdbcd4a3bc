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
from ...evals import Keys
from ...sandbox import Sandbox
from ...search.assemble import policy
from ...search.budget import Budget
from ...search.desk.purse import exists, open_purse
from ...search.desk.wanted import Wanted, choose_models
from ...search.order import Chance, SandboxChoice, Say
from ...search.plan import Plan, Standards, agree_rule
from ...search.studies.contest.compare import AgentStanding, BenchTable, compare, overall
from ...search.studies.contest.improvement import Interval
from ...search.studies.contest.searches import Entrant, Terms, conduct, rule_of
from ...tasks import Task, load
from ..pages import curves
from .terminal import speaker, warn
from .view import UNVALIDATED

NOTE = (
    "A search that confirmed nothing above the best baseline hands that over, a gain of nothing. "
    "Each ± is a 95 % interval for the mean over searches, and needs several of them to mean much. "
    "P is the probability that a search of the agent ends above one of the first agent, ties half; "
    "in brackets its 95 % interval."
)


class BenchOrder(NamedTuple):
    """What is compared, on what, at what budget a search.

    A bench of the same `name` is gone on with.
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
    """Run what is missing of a bench and measure it: a table a task.

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
    """Everyone who takes part, checked; only those that need a model get one."""
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
        entrants.append(Entrant(name, agent.select, models))
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
    """Every search on a task, one number after another, and the table of what they found."""
    models = next((entrant.models for entrant in entrants if entrant.models), None)
    # Of no search: what is measured here decides nothing in one, and none has to pay for it.
    with closing(open_purse(archive, f"{order.name}-{task.name}", models, Budget())) as purse:
        keys = Keys.fresh()
        lab = purse.lab(task.keyed(keys.data), sandbox, choice.strict)
        plan = Plan(None, choice.workers, 1 + len(task.baselines))
        rule = rule_of(archive, order.name, task) or agree_rule(
            lab, archive, keys, Standards(), plan, say
        )
        least = rule.estimate * (1 + len(task.baselines))
        if order.trials <= least:
            raise AgentError(
                f"the start and the baselines of {task.name} take {least} trials, and nothing "
                f"would be left of {order.trials}: give more --trials"
            )
        terms = Terms(
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
        for number in range(1, order.searches + 1):
            for entrant in entrants:
                conduct(terms, entrant, number, archive, sandbox, say)
        return compare(terms, entrants, lab, archive, say)


def bench_record(tables: Sequence[BenchTable]) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "tasks": [table.model_dump(mode="json") for table in tables],
        "overall": {name: each.model_dump() for name, each in overall(tables).items()},
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
        for name, found in overall(tables).items():
            parts.append(Text(f"  P({name} > {first}) = {_chance(found)}"))
    return Group(*parts, Text(NOTE, style="dim"))


COLUMNS = (
    "agent", "searches", "trials", "proposals", "gain", "gain, unseen workloads",
    "confirmed any", "beat it", "P", "tokens", "dollars", "CPU s",
)  # fmt: skip


def _drawn(table: BenchTable) -> RenderableType:
    drawing = Drawing(box=None, padding=(0, 1))
    for column in COLUMNS:
        drawing.add_column(column)
    for standing in table.standings:
        drawing.add_row(*map(Text, cells(standing)))
    return drawing


def cells(found: AgentStanding) -> list[str]:
    """One agent on one task, as the columns say; numbers of a search are means."""
    return [
        found.agent,
        str(found.searches),
        f"{found.trials:.0f}",
        f"{found.proposals:.0f}",
        str(found.gain),
        str(found.unseen),
        f"{found.found} of {found.searches}",
        f"{found.beat} of {found.searches}",
        "" if found.better is None else _chance(found.better),
        f"{found.tokens:,.0f}",
        f"{found.dollars:.2f}",
        f"{found.seconds:,.0f}",
    ]


def _chance(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
