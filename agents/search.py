"""The search: select, propose, measure, judge, add; again until the budget is gone.

Turn n sees the tree as it stood `lag` nodes earlier and draws from its own generator, whatever the
threads are doing; turns are settled in order. So a run that was killed and resumed, on any number
of workers, grows the same tree as one that was not.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import fmean

from ..archive import Evidence, Node, Tree
from ..evals import Candidate, Evaluation, draw, judge
from .evolve.canonical import canonical
from .run import COMMON, Run, behaviour
from .turn import Draft, explore, settle


def search(run: Run, more: Callable[[Tree], bool]) -> Iterator[Node]:
    """Yield each new node, planted ones first, for as long as `more` allows another turn.

    Over a half-grown run it goes on where that stopped. Raises SandboxError, TaskError and
    ArchiveError for what is not a candidate's fault; everything finished by then is archived.
    """
    pool = ThreadPoolExecutor(run.workers, "ratchet-turn")
    try:
        yield from _plant(run, pool)
        yield from _grow(run, pool, more)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


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
        start = start or evaluation
        if number < done:
            continue
        gains = judge.gains(evaluation, start, run.task.metric)
        yield run.archive.add(
            Node(
                run=run.id,
                number=number,
                parent=None,
                kind="start" if kind == "start" else "baseline",
                name=name,
                candidate=candidate,
                canonical=canonical(candidate.files),
                behaviour=behaviour(run, candidate)[0],
                evidence=(Evidence(stream=COMMON, count=len(seeds)),),
                verdict=None,
                score=fmean(evaluation.values(run.task.metric.worst)),
                gain=fmean(gains),
                environment=run.lab.environment,
                isolation=run.lab.sandbox.isolation,
                evaluations=len(seeds),
                cpu_seconds=sum(trial.seconds for trial in evaluation.trials),
            )
        )


def _grow(run: Run, pool: ThreadPoolExecutor, more: Callable[[Tree], bool]) -> Iterator[Node]:
    nodes = list(run.archive.tree(run.id))
    planted = len(Tree(nodes).planted())
    ahead: dict[int, Future[Draft]] = {}
    while True:
        number = len(nodes)
        while len(ahead) <= run.config.lag and more(Tree(nodes)) and not _all(run, nodes, ahead):
            turn = number + len(ahead)
            seen = Tree(nodes[: max(planted, turn - run.config.lag)])
            ahead[turn] = pool.submit(explore, run, turn, seen)
        if number not in ahead:
            return
        draft = ahead.pop(number).result()
        node = settle(run, pool, draft, Tree(nodes))
        nodes.append(run.archive.add(node))
        yield node


def _all(run: Run, nodes: Sequence[Node], ahead: dict[int, Future[Draft]]) -> bool:
    made = sum(node.verdict is not None for node in nodes) + len(ahead)
    return run.config.turns is not None and made >= run.config.turns


def within(minutes: float | None) -> Callable[[Tree], bool]:
    """A budget of wall time for `search`: no new turn starts after it."""
    end = time.monotonic() + minutes * 60 if minutes is not None else None
    return lambda tree: end is None or time.monotonic() < end
