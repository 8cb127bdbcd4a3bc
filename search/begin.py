"""Set a run up, or take one up. Nothing here prints.

Messages about progress go to `say`. What a sandbox does not isolate goes to `warn`.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from ..agents.base import BudgetSpent
from ..agents.learning import opened as learned_before
from ..agents.opening import Opened, open_agent
from ..archive import Archive, ArchiveError, in_use, require_sound
from ..evals import Keys, Rule, audit_start, key_from
from ..evals.audit import listed
from ..sandbox import Sandbox
from ..tasks import Task, load, trust_line
from .assemble import assemble, policy
from .budget import Budget
from .desk.consent import Prompt
from .desk.purse import Purse, budget_left, checkpoints, exists, open_purse
from .desk.roster import Models
from .desk.wanted import choose_models, foresee_spending
from .forecast import agree_rule
from .lab import Lab
from .order import Extension, Order, SandboxChange, SandboxChoice, Say
from .plan import BudgetError, Plan, check_bounded, check_caps, fewest_trials
from .run import Config, Run
from .series import start
from .session import Session, session
from .tune import share

MINUTES = 5.0  # for a search without turns, minutes and caps
Ask = Callable[[Task], Prompt | None]  # who answers questions about a task's candidates, if anybody
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # of a run's id: none looks like another


@contextmanager
def begin(
    order: Order,
    choice: SandboxChoice,
    where: str,
    say: Say,
    warn: Say | None = None,
    ask: Ask | None = None,
) -> Iterator[Session]:
    """Begin a run in the archive at `where`, which is made if need be; search it with `nodes`.

    Raises BudgetError if the budget cannot find the effect that the standards name,
    ModelChoiceError where a model is needed and none is named, TaskError where the audit refuses
    the start, and TaskError, AgentError, LearnedError and SandboxError where those cannot be
    opened. A run that raises any of them is
    not archived.
    """
    task = load(order.task)
    say(trust_line(task.level))
    if flags := audit_start(task).flags:
        say(f"what the audit flags in the start: {listed(flags)}")
    agent = open_agent(order.agent, Archive(where) if exists(where) else None)
    learned = learned_before(order.learned, where, task, say)
    policy(agent.select if order.select is None else order.select)
    check_caps(task, order.caps, fewest_trials(task, order.standards))
    models = choose_models(order.models, agent, task, order.agent)
    minutes = _minutes(order)
    if order.turns is None and minutes is None:
        check_bounded(task, order.caps, models is not None)
    if models is not None:
        foresee_spending(models, agent, task, order.caps, say)
    seed, secret = order.chance
    keys = Keys.fresh("" if seed is None else key_from(seed), secret or "")
    with closing(choice.open(warn or say)) as sandbox:
        archive = Archive(where, create=True)
        run_id = _new_id(archive)
        budget = budget_left(archive, run_id, models, order.caps)
        with closing(open_purse(archive, run_id, models, budget)) as purse:
            say(f"warming the {sandbox.name} sandbox up ...")
            lab, rule, seconds = _agreed(order, minutes, choice, purse, task, sandbox, keys, say)
            if rule.pooled is None:
                seconds = 0.0  # what was measured so far serves every run
            else:
                _pay(purse.budget, lab.trials)  # these are the trials of the start and baselines
            minutes = None if minutes is None else max(0.0, minutes - seconds / 60)
            lab.charge(purse.budget)
            config = _config(order, choice, task, agent, models, keys, rule)
            config = config.model_copy(update={"learned": learned})
            config = start(archive, run_id, lab.task, config)

            def open_run() -> Run:
                return _searched(purse, config, lab, choice.workers, agent, ask)

            with session(purse, open_run, minutes) as opened:
                yield opened


def _pay(budget: Budget, trials: int) -> None:
    """Book trials that were run before the budget was there."""
    with budget.reserve(trials=trials) as unit:
        unit.settle(trials=trials)


def _minutes(order: Order) -> float | None:
    bounded = order.turns is not None or order.caps.model_dump(exclude_none=True)
    return MINUTES if order.minutes is None and not bounded else order.minutes


def _agreed(
    order: Order,
    minutes: float | None,
    choice: SandboxChoice,
    purse: Purse,
    task: Task,
    sandbox: Sandbox,
    keys: Keys,
    say: Say,
) -> tuple[Lab, Rule, float]:
    """A warm lab, the rule that suits the task's noise in it, and what that took in seconds."""
    try:
        lab = purse.lab(task.keyed(keys.data), sandbox, choice.strict)
        began, planted = time.monotonic(), 1 + len(task.baselines)
        plan = Plan(minutes, choice.workers, planted, order.caps.trials)
        rule = agree_rule(lab, purse.archive, keys, order.standards, plan, say)
        return lab, rule, time.monotonic() - began
    except BudgetSpent as error:
        raise BudgetError(f"the budget does not reach to measure the noise: {error}") from error


def _config(
    order: Order,
    choice: SandboxChoice,
    task: Task,
    agent: Opened,
    models: Models | None,
    keys: Keys,
    rule: Rule,
) -> Config:
    return Config(
        task=task.name,
        agent=order.agent,
        select=agent.select if order.select is None else order.select,
        tune=share(task, agent, order.tune),
        sandbox=choice.sandbox,
        sharing=choice.sharing,
        seed=order.chance.seed,
        key=keys.steer,
        secret=keys.sealed,
        data=keys.data,
        lag=2 * choice.workers - 1,
        turns=order.turns,
        schedule=order.standards.schedule,
        company=True,
        rule=rule,
        models=models,
        caps=order.caps,
        approve=order.approve,
    )


def _searched(
    purse: Purse, config: Config, lab: Lab, workers: int, agent: Opened, ask: Ask | None
) -> Run:
    """The run of a search: with a person to ask, and a place for unfinished proposals."""
    return assemble(
        purse,
        config,
        lab,
        workers,
        agent=agent,
        prompt=ask(lab.task) if ask else None,
        checkpoints=checkpoints(purse.archive, purse.run_id),
    )


@contextmanager
def take_up(
    archive: Archive,
    run_id: str,
    extension: Extension,
    change: SandboxChange,
    say: Say,
    warn: Say | None = None,
    ask: Ask | None = None,
) -> Iterator[Session]:
    """Go on with an archived run under its own configuration; search it with `nodes`.

    Raises ArchiveError if there is no such run, or another process searches it, BudgetError for
    caps that are too small, and AgentError and SandboxError where those cannot be opened.
    """
    config = _extended(Config.of(archive.run(run_id)), extension)
    minutes = extension.minutes
    if config.turns is None and minutes is None:
        minutes = MINUTES
    task, agent = archive.task(run_id), open_agent(config.agent, archive)
    policy(config.select)
    require_sound(in_use(archive.tree(run_id)), task)
    say(trust_line(task.level))
    check_caps(task, config.caps, (1 + len(task.baselines)) * config.rule.estimate)
    budget = budget_left(archive, run_id, config.models, config.caps)
    with (
        closing(open_purse(archive, run_id, config.models, budget)) as purse,
        closing(_same(config, change).open(warn or say)) as sandbox,
    ):

        def open_run() -> Run:
            say(f"run {run_id}: warming the {sandbox.name} sandbox up ...")
            lab = purse.lab(task, sandbox, strict=config.sharing == "strict")
            lab.charge(purse.budget)
            return _searched(purse, config, lab, change.workers, agent, ask)

        with session(purse, open_run, minutes) as opened:
            yield opened


def _extended(config: Config, extension: Extension) -> Config:
    if extension.turns is not None:
        config = config.model_copy(update={"turns": extension.turns})
    caps = extension.caps.model_dump(exclude_none=True)
    return config.model_copy(update={"caps": config.caps.model_copy(update=caps)})


@contextmanager
def reopen(
    archive: Archive, run_id: str, change: SandboxChange, warn: Say, proposes: bool = False
) -> Iterator[Run]:
    """Hold an archived run, in a warm sandbox, to measure what is asked of it afterwards.

    Its agent and its models are only opened if it `proposes`; the models also where its task asks
    them. Raises what `take_up` raises, and ArchiveError where nodes in use are not sound.
    """
    config = Config.of(archive.run(run_id))
    # An agent of the user's is only needed, and only opened, for what proposes with it.
    agent = open_agent(config.agent if proposes else "seed_only", archive)
    policy(config.select)
    task = archive.task(run_id)
    models = config.models if proposes or task.manifest.model else None
    with (
        closing(open_purse(archive, run_id, models, Budget(config.caps))) as purse,
        closing(_same(config, change).open(warn)) as sandbox,
        archive.hold(run_id),
    ):
        require_sound(in_use(archive.tree(run_id)), task, sandbox.isolation != "none")
        lab = purse.lab(task, sandbox, strict=config.sharing == "strict")
        yield assemble(purse, config, lab, change.workers, agent=agent)


def _same(config: Config, change: SandboxChange) -> SandboxChoice:
    """The sandbox of a run, with what is to change of it."""
    sandbox = change.sandbox or config.sandbox
    return SandboxChoice(sandbox, change.workers, change.accept_unisolated, config.sharing)


def _new_id(archive: Archive) -> str:
    taken = {record.id for record in archive.runs()}
    for _ in range(100):
        run_id = "".join(secrets.choice(LETTERS) for _ in range(4))
        if run_id not in taken and not run_id.isdigit():
            return run_id
    raise ArchiveError("no free run id in a hundred draws: use another archive")
