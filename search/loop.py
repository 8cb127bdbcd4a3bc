"""The search: turn after turn until the budget is gone.

A turn is chosen from the tree as it stood `lag` turns earlier and draws from its own generator,
whatever the threads are doing. Turns are finished in order. So a run that was killed and resumed,
on any number of workers, grows the same tree as one that was not.

A turn that is not finished leaves nothing in the tree, but its trials and the replies of models are
archived. So a search that ends in the middle of a turn, between two looks of a confirmation for
instance, goes on from there: the turn is begun anew, draws what it drew before, finds its trials,
and goes on to the next look. Nothing is tested twice.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from statistics import fmean

from ..agents.base import AgentError, BudgetSpent
from ..archive import Evidence, Node, Tree, in_use, require_sound
from ..evals import COMMON, Candidate, Evaluation, draw, judge
from ..evals.canonical import canonical
from ..evals.scored import failure, scored_start
from ..evals.syntax import size
from .confirm import instances
from .crew import Crew
from .desk.consent import Unanswered, pending
from .run import Run, behaviour
from .schedule import AGAIN, SCHEDULES, Action, patience
from .screen import Draft
from .turn import explore, finish

More = Callable[[Tree, int], bool]  # may another turn begin, given the tree and how many did?
LATE_SECONDS, LATE_SHARE = 10.0, 0.05  # beyond its minutes that a job in flight may take


def search(
    run: Run, more: More, ended: Callable[[str], object] = str, endless: bool = False
) -> Iterator[Node]:
    """Yield each new state of a node, planted ones first, for as long as `more` allows a turn.

    A half-grown run is continued where it stopped. The search stops before the first turn that the
    remaining budget cannot pay for and, unless it is `endless`, after `FRUITLESS` proposals in a
    row that could not be measured. `ended` is called with the reason, or "" if `more` ended it.
    Raises SandboxError, TaskError, ModelError, Unanswered and ArchiveError for what is not a
    candidate's fault, and AgentError where `Run.patience` turns in a row failed by the agent's
    fault; everything finished by then is archived.
    """
    isolated = run.lab.isolation != "none"
    require_sound(in_use(run.archive.tree(run.id)), run.task, isolated)
    crew, spent = Crew(run.workers, "ratchet-turn"), False
    try:
        yield from _plant(run, crew)
        growth = _Growth(run, crew, more, endless)
        yield from growth.turns()
        ended(growth.end)
    except BudgetSpent as error:
        spent = True
        run.budget.close()
        run.archive.log(run.id, "budget spent", {"reason": str(error)})
        if run.budget.over_time and (asked := pending(run.archive, run.id)):
            raise Unanswered(asked[0].id) from error
        ended(str(error))
    finally:
        if spent:
            # What is in flight has been paid for: its replies belong into the archive and the books
            crew.land(lambda: _patience(run))
        crew.shutdown(wait=False, cancel_futures=True)
        run.budget.open()


def _patience(run: Run) -> float | None:
    """Seconds still to wait for what is in flight; None, without limit, for replies paid for."""
    left, cap = run.budget.seconds_left, run.budget.caps.seconds
    if left is None or cap is None or run.budget.in_flight["tokens"]:
        return None
    return left + max(LATE_SECONDS, LATE_SHARE * cap)


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


def _plant(run: Run, crew: Crew) -> Iterator[Node]:
    seeds = draw(run.config.keys, COMMON, run.config.rule.estimate)
    done = len(run.archive.tree(run.id))
    planted = _planted(run)
    futures = [crew.submit(run.lab.evaluate, program, COMMON, seeds) for *_, program in planted]
    start = scored_start(futures[0].result(), run.task)
    run.lab.learn("dev", start)
    for number, ((kind, name, candidate), future) in enumerate(zip(planted, futures, strict=True)):
        evaluation = future.result()
        if number < done:
            continue
        node = Node(
            run=run.id,
            number=number,
            turn=number,
            parent=None,
            kind="start" if kind == "start" else "baseline",
            name=name,
            candidate=candidate,
            canonical=canonical(candidate.files),
            behaviour=behaviour(run, candidate).fingerprint,
            evidence=(Evidence(stream=COMMON, count=len(seeds)),),
            verdict=None,
            level=run.task.level,
            size=size(candidate.files),
            environment=run.lab.environment,
            isolation=run.lab.isolation,
            trials=len(seeds),
            cpu_seconds=sum(trial.seconds for trial in evaluation.trials),
        )
        yield run.archive.add(_ranked(run, node, evaluation, start))


def _ranked(run: Run, node: Node, evaluation: Evaluation, start: Evaluation) -> Node:
    """A planted node with its gain over the start, or with why it has none."""
    if why := failure(evaluation):
        log = evaluation.trials[0].log
        return node.model_copy(update={"failure": why, "log": log})
    gain = judge.summary(judge.gains(evaluation, start, run.task.metric))
    return node.model_copy(
        update={
            "score": fmean(evaluation.values(run.task.metric.worst)),
            "gain": gain.mean,
            "gain_error": gain.error,
            "common": (gain,),
            "instances": instances(run, evaluation, start),
        }
    )


class _Trees:
    """The tree as it stood after each of the last turns: what a turn knows is some turns old."""

    def __init__(self, states: Sequence[Node], lag: int) -> None:
        """Grow the last `lag` turns of the states so far, and all that come."""
        self.count, self._lag = max(0, len(states) - lag), lag
        self._after = {self.count: Tree(states[: self.count])}
        for state in states[self.count :]:
            self.grow(state)

    @property
    def newest(self) -> Tree:
        """The tree after all turns."""
        return self._after[self.count]

    def after(self, count: int) -> Tree:
        """The tree after so many turns, at most `lag` of them ago."""
        return self._after[count]

    def grow(self, state: Node) -> None:
        """One more turn."""
        self._after[self.count + 1] = self.newest.grown(state)
        self.count += 1
        self._after.pop(self.count - self._lag - 1, None)


class _Growth:
    """The turns of one session: those finished, and those on their way. `end` says why no more.

    `children` counts those that they are about.
    """

    def __init__(self, run: Run, crew: Crew, more: More, endless: bool) -> None:
        self.run, self.crew, self.more = run, crew, more
        states = run.archive.states(run.id)
        self.lag = run.config.lag
        self.trees = _Trees(states, self.lag)
        tree = self.trees.newest
        self.planted = len(tree.roots())
        self.patience = None if endless else patience(tree, self.lag)
        self.actions = _actions(states)
        self.children = sum(action.node is None for action in self.actions[self.planted :])
        self.ahead: dict[int, Future[Draft]] = {}
        self.faults = 0  # turns in a row that failed by the agent's fault, in this session
        self.end = ""

    def turns(self) -> Iterator[Node]:
        """Finish one turn after another, with others explored ahead of it."""
        while True:
            turn = self.trees.count
            while len(self.ahead) <= self.lag and self._start():
                pass
            if turn not in self.ahead:
                return
            draft = self.ahead.pop(turn).result()
            node = finish(self.run, self.crew, draft, self.trees.newest)
            self.trees.grow(self.run.archive.add(node))
            yield node
            self._count(draft)

    def _count(self, draft: Draft) -> None:
        """Raise AgentError once the agent has failed too many turns in a row.

        Their nodes are archived, so a session after this one goes on behind them.
        """
        if draft.action.kind != "expand":
            return
        self.faults = self.faults + 1 if draft.fault else 0
        if self.faults >= self.run.patience:
            raise AgentError(f"{self.faults} turns in a row failed, the last one so: {draft.fault}")

    def _start(self) -> bool:
        """Begin the next turn, unless the budget or the schedule has none."""
        turn = len(self.actions)
        if not self.more(self.trees.newest, turn):
            return False
        if self.run.budget.over_time:
            self.end = f"all {self.run.budget.caps.seconds:g} seconds of its time are spent"
            return False
        shown = max(self.planted, turn - self.lag)
        tree, busy = self.trees.after(shown), self.actions[shown:]
        action = self._next(tree, busy)
        if action is None and self.ahead:
            return False  # what is on its way may leave something to do
        if action is None:
            tree = self.trees.newest
            action = self._next(tree, [])
        if action is None:
            return False
        self.actions.append(action)
        self.children += action.node is None
        number = self.planted + self.children - 1 if action.node is None else action.node
        self.ahead[turn] = self.crew.submit(explore, self.run, turn, number, action, tree)
        return True

    def _next(self, tree: Tree, busy: Sequence[Action]) -> Action | None:
        """What the schedule does next; once no child may be made, it ends what it has begun."""
        config = self.run.config
        fruitless = self.patience is not None and tree.fruitless() >= self.patience
        if config.turns is not None and self.children >= config.turns:
            self.end = f"all {config.turns} proposals of --turns are made"
        elif fruitless:
            self.end = fruitless_words(tree.fruitless())
        else:
            self.end = ""
        schedule, metric = SCHEDULES[config.schedule], self.run.task.metric
        return schedule(tree, busy, config.rule, metric, not self.end)


def fruitless_words(count: int) -> str:
    """Why a search ends that has nothing to measure, and what to do."""
    return (
        f"the last {count} proposals in a row offered nothing new, or nothing that could be "
        f"measured: see why with `ratchet tree --all`, then mend it or take another --agent "
        f"(`ratchet resume` tries {AGAIN} more)"
    )


def _actions(states: Sequence[Node]) -> list[Action]:
    """What each turn so far did; planting counts as expanding."""
    latest: dict[int, Node] = {}
    actions = []
    for state in states:
        before = latest.get(state.number)
        latest[state.number] = state
        if before is None:
            actions.append(Action("expand"))
        else:
            actions.append(Action("retest" if before.kept else "advance", state.number))
    return actions


def within(stop: Path | None = None) -> More:
    """Begin no new turn once the file `stop` exists."""

    def more(tree: Tree, turn: int) -> bool:
        return not (stop and stop.exists())

    return more
