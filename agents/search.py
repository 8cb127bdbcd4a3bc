"""The search: turn after turn until the budget is gone.

A turn is chosen from the tree as it stood `lag` turns earlier and draws from its own generator,
whatever the threads are doing; turns are settled in order. So a run that was killed and resumed, on
any number of workers, grows the same tree as one that was not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from statistics import fmean

from ..archive import Evidence, Node, Tree
from ..evals import COMMON, Candidate, Evaluation, draw, judge
from ..evals.syntax import size
from .budget import BudgetSpent
from .confirm import instances
from .evolve.canonical import canonical
from .run import Run, behaviour
from .schedule import SCHEDULES, Action
from .turn import Draft, explore, settle

More = Callable[[Tree, int], bool]  # may another turn begin, given the tree and how many did?


def search(run: Run, more: More) -> Iterator[Node]:
    """Yield each new state of a node, planted ones first, for as long as `more` allows a turn.

    Over a half-grown run it goes on where that stopped. It ends at the turn that does not fit into
    the budget any more. Raises SandboxError, TaskError, ModelError and ArchiveError for what is not
    a candidate's fault; everything finished by then is archived.
    """
    pool, spent = ThreadPoolExecutor(run.workers, "ratchet-turn"), False
    try:
        yield from _plant(run, pool)
        yield from _Growth(run, pool, more).turns()
    except BudgetSpent as error:
        spent = True
        run.budget.close()
        run.archive.log(run.id, "budget spent", {"reason": str(error)})
    finally:
        # What is in flight has been paid for: its replies belong into the archive and the books.
        pool.shutdown(wait=spent, cancel_futures=True)
        run.budget.open()


def _planted(run: Run) -> list[tuple[str, str, Candidate]]:
    """Kind, name and candidate of the start and the baselines."""
    start = Candidate(files=run.task.start, idea="the starting program", proposer="task")
    return [
        ("start", "start", start),
        *(
            ("baseline", name, Candidate(files=files, idea=f"baseline {name}", proposer="task"))
            for name, files in run.task.baselines.items()
        ),
    ]


def _plant(run: Run, pool: ThreadPoolExecutor) -> Iterator[Node]:
    seeds = draw(run.config.keys, COMMON, run.config.rule.estimate)
    done = len(run.archive.tree(run.id))
    planted = _planted(run)
    futures = [pool.submit(run.lab.evaluate, each[2], COMMON, seeds) for each in planted]
    start: Evaluation | None = None
    for number, ((kind, name, candidate), future) in enumerate(zip(planted, futures, strict=True)):
        evaluation = future.result()
        if start is None:
            start = evaluation
            run.lab.learn("dev", start)
        if number < done:
            continue
        gain = judge.summary(judge.gains(evaluation, start, run.task.metric))
        yield run.archive.add(
            Node(
                run=run.id,
                number=number,
                turn=number,
                parent=None,
                kind="start" if kind == "start" else "baseline",
                name=name,
                candidate=candidate,
                canonical=canonical(candidate.files),
                behaviour=behaviour(run, candidate)[0],
                evidence=(Evidence(stream=COMMON, count=len(seeds)),),
                verdict=None,
                score=fmean(evaluation.values(run.task.metric.worst)),
                gain=gain.mean,
                gain_error=gain.error,
                instances=instances(run, evaluation, start),
                size=size(candidate.files),
                environment=run.lab.environment,
                isolation=run.lab.isolation,
                evaluations=len(seeds),
                cpu_seconds=sum(trial.seconds for trial in evaluation.trials),
            )
        )


class _Growth:
    """The turns of one session: those settled, and those on their way."""

    def __init__(self, run: Run, pool: ThreadPoolExecutor, more: More) -> None:
        self.run, self.pool, self.more = run, pool, more
        self.states = run.archive.states(run.id)
        self.planted = len(Tree(self.states).planted())
        self.actions = _actions(self.states)
        self.ahead: dict[int, Future[Draft]] = {}

    def turns(self) -> Iterator[Node]:
        """Settle one turn after another, with others explored ahead of it."""
        while True:
            turn = len(self.states)
            while len(self.ahead) <= self.run.config.lag and self._start():
                pass
            if turn not in self.ahead:
                return
            draft = self.ahead.pop(turn).result()
            node = settle(self.run, self.pool, draft, Tree(self.states))
            self.states.append(self.run.archive.add(node))
            yield node

    def _start(self) -> bool:
        """Begin the next turn, unless the budget or the schedule has none."""
        config, turn = self.run.config, len(self.actions)
        if not self.more(Tree(self.states), turn):
            return False
        made = sum(action.node is None for action in self.actions[self.planted :])
        may_expand = config.turns is None or made < config.turns
        schedule, metric = SCHEDULES[config.schedule], self.run.task.metric
        shown = max(self.planted, turn - config.lag)
        tree, busy = Tree(self.states[:shown]), self.actions[shown:]
        action = schedule(tree, busy, config.rule, metric, may_expand)
        if action is None and self.ahead:
            return False  # what is on its way may leave something to do
        if action is None:
            tree = Tree(self.states)
            action = schedule(tree, [], config.rule, metric, may_expand)
        if action is None:
            return False
        self.actions.append(action)
        number = self.planted + made
        self.ahead[turn] = self.pool.submit(explore, self.run, turn, number, action, tree)
        return True


def _actions(states: Sequence[Node]) -> list[Action]:
    """What each turn so far did; planting counts as expanding."""
    known: dict[int, Node] = {}
    actions = []
    for state in states:
        before = known.get(state.number)
        known[state.number] = state
        if before is None:
            actions.append(Action("expand"))
        else:
            actions.append(Action("retest" if before.kept else "advance", state.number))
    return actions


def within(minutes: float | None, stop: Path | None = None) -> More:
    """A budget of wall time for `search`: no new turn starts after it, or once `stop` exists."""
    end = time.monotonic() + minutes * 60 if minutes is not None else None

    def more(tree: Tree, turn: int) -> bool:
        return (end is None or time.monotonic() < end) and not (stop and stop.exists())

    return more
