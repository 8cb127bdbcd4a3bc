"""Tune all constants of a program together, on seeds that serve nothing else.

What comes of it is one candidate, which is screened and confirmed like any other. The constants
move in CMA-ES's separable form (Ros and Hansen 2008), whose cost grows with their number alone.
Each generation is trained on a fresh seed, the same for all of its settings: so settings are
compared on equal terms, and none can be chosen for its luck with one seed. Constants that nothing
depends on, and those that only a loop could follow, stay as they are.
"""

import ast
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from random import Random

from ..agents.base import Brief, ProposalError
from ..agents.evolve.settings import Constant, Tunable, tunable
from ..agents.opening import Opened
from ..archive import Node, Tree, Tuning
from ..evals import Candidate, draw, probe
from ..evals.lanes import Setting
from ..evals.syntax import parse
from ..tasks import Task
from .crew import threads
from .run import Run
from .select.lead import typical_step

POPULATION = 16  # settings of a generation
GENERATIONS = 16
SPREAD = 0.4  # of the first settings, in the coordinates of the constants: a factor of 1.5
AGAIN = 0.2  # the same for a program that tuning has made
FELT = 0.1  # an effect below this part of the least gain that matters is none
BEHIND = 2.0  # typical steps that a program may be behind the best one and still be tuned
LEFT = 2.0  # times that tuning must fit into what is left of a search's time


class Tuner:
    """The agent of one turn, which offers a program with other constants."""

    def __init__(self, run: Run, number: int, node: Node, parent: Node) -> None:
        """Tune the constants of `node`, for the node `number` that will be a child of `parent`."""
        self.parent = parent
        self._run, self._number, self._node = run, number, node
        self._constants = self._settings = self._trials = 0
        self._seconds = 0.0

    @property
    def record(self) -> Tuning:
        """What was done."""
        return Tuning(
            node=self._node.number,
            constants=self._constants,
            settings=self._settings,
            trials=self._trials,
            seconds=self._seconds,
        )

    def propose(self, brief: Brief) -> Candidate:
        """The best setting, as the middle of the last generation; raises ProposalError if none."""
        program, task = self._node.candidate, brief.task
        space = tunable(program, task.motifs, task.manifest.probe)
        if space is None:
            raise ProposalError(f"node {self._node.number} has no constants to tune")
        space = space._replace(constants=self._stacked(space))
        with threads(self._run.workers, "ratchet-tune") as pool:
            felt = self._felt(space, pool) if space.constants else []
            if not felt:
                raise ProposalError(f"no constant of node {self._node.number} makes a difference")
            moves = self._moves(space, felt, brief.rng, pool)
        setting = _moved(space.constants, dict(zip((c.name for c in felt), moves, strict=False)))
        tuned = space.candidate(program, setting)
        changes = [
            f"{c.name} {c.value:g} -> {setting[c.name]:g}"
            for c in felt
            if setting[c.name] != c.value
        ]
        many = "a constant" if len(felt) == 1 else f"{len(felt)} constants together"
        words = f"Tuned {many}, of node {self._node.number}"
        return tuned.model_copy(
            update={
                "idea": f"{words}: {', '.join(changes)}",
                "proposer": "tuner",
                "notes": {},
                "parent": self.parent.number,
            }
        )

    def _stacked(self, space: Tunable) -> tuple[Constant, ...]:
        """The constants whose values can differ side by side; all, where settings run alone."""
        run, whole = self._run, space.whole(self._node.candidate)
        if not run.task.manifest.stacked_constants:
            return space.constants

        def stack(*constants: Constant) -> bool:
            both = {
                constant.name: (constant.value, constant.moved(SPREAD)) for constant in constants
            }
            return probe(whole, run.task, run.lab.sandbox, both).status == "ok"

        if stack(*space.constants):
            return space.constants
        alone = tuple(constant for constant in space.constants if stack(constant))
        return alone if stack(*alone) else ()

    def _felt(self, space: Tunable, pool: ThreadPoolExecutor) -> list[Constant]:
        """The constants that make a difference, each moved by itself on one seed."""
        moves = [{}, *({constant.name: SPREAD} for constant in space.constants)]
        settings = [_moved(space.constants, move) for move in moves]
        first, *scores = self._scores(space, settings, 0, pool)
        least = FELT * self._run.task.metric.minimum_gain
        pairs = zip(space.constants, scores, strict=True)
        return [constant for constant, score in pairs if abs(score - first) > least]

    def _moves(
        self, space: Tunable, felt: Sequence[Constant], rng: Random, pool: ThreadPoolExecutor
    ) -> list[float]:
        """How far each constant is moved along its coordinate, after all generations."""
        import numpy as np
        from cmaes import SepCMA

        names = [constant.name for constant in felt]
        strategy = SepCMA(
            mean=np.zeros(max(2, len(felt))),  # the library takes no single dimension
            sigma=AGAIN if self._node.tuning else SPREAD,
            seed=rng.randrange(2**31),
            population_size=POPULATION,
        )
        for generation in range(1, GENERATIONS + 1):
            points = [strategy.ask() for _ in range(POPULATION)]
            settings = [
                _moved(space.constants, dict(zip(names, map(float, point), strict=False)))
                for point in points
            ]
            scores = self._scores(space, settings, generation, pool)
            strategy.tell([(p, -score) for p, score in zip(points, scores, strict=True)])
        return [float(move) for move in strategy.mean]

    def _scores(
        self,
        space: Tunable,
        settings: Sequence[Setting],
        generation: int,
        pool: ThreadPoolExecutor,
    ) -> list[float]:
        """Every setting's score on the seed of a generation; more is better."""
        run, metric = self._run, self._run.task.metric
        stream = f"tune/{self._number}/{generation}"
        seeds = draw(run.config.keys, stream, 1)
        if run.task.manifest.stacked_constants:
            whole = space.whole(self._node.candidate)
            evaluations = run.lab.settings(whole, settings, stream, seeds, pool)
        else:
            programs = [space.candidate(self._node.candidate, setting) for setting in settings]
            one = [pool.submit(run.lab.evaluate, p, stream, seeds) for p in programs]
            evaluations = [future.result() for future in one]
        self._constants, self._settings = len(settings[0]), self._settings + len(settings)
        self._trials += len(settings) * len(seeds)
        self._seconds += sum(trial.seconds for e in evaluations for trial in e.trials)
        values = [evaluation.values(metric.worst) for evaluation in evaluations]
        return [metric.gain(sum(row) / len(row), 0.0) for row in values]


def _moved(constants: Sequence[Constant], moves: Mapping[str, float]) -> dict[str, float]:
    """The setting in which some constants are moved along their coordinates."""
    return {c.name: c.moved(moves[c.name]) if c.name in moves else c.value for c in constants}


def share(task: Task, agent: Opened, asked: float | None = None) -> float:
    """The share of a search's trials that goes into tuning: as asked, or as the agent declares.

    What an agent declares is for tasks that can train settings side by side.
    """
    if asked is not None:
        return asked
    return agent.tune if task.manifest.stacked_constants else 0.0


def due(run: Run, turn: int, number: int, tree: Tree) -> Tuner | None:
    """The tuner of a turn, if a program is worth tuning and its share of the trials is not spent.

    Turns that could not see each other's nodes never tune both.
    """
    apart = turn % (run.config.lag + 1) == 0
    asked_first = run.approver.first  # a person decides on a program before it runs
    if not run.config.tune or not apart or asked_first or not _affordable(run, tree):
        return None
    chosen = worth_tuning(tree)
    return Tuner(run, number, *chosen) if chosen else None


def _affordable(run: Run, tree: Tree) -> bool:
    """Whether tuning has its share of the trials so far, and fits into what is left."""
    spent = sum(node.tuning.trials for node in tree.tuned() if node.tuning)
    share, trials = run.config.tune, (GENERATIONS + 1) * POPULATION
    cap, left = run.config.caps.trials, run.budget.seconds_left
    if spent > share * tree.trials or (cap is not None and trials > share * cap):
        return False
    return left is None or LEFT * GENERATIONS * run.lab.pace.job("dev", POPULATION) < left


def worth_tuning(tree: Tree) -> tuple[Node, Node] | None:
    """The node to tune and the one to compare with; None if none is left that is worth it.

    The leader comes first, unless tuning has just made it; then other forms of programs that are
    near it, proven or not, and at last the leader once more.
    """
    tuned = {node.tuning.node for node in tree.tuned() if node.tuning}
    ranked = sorted(tree.eligible(), key=lambda n: tree.ranking[n.number], reverse=True)
    leader = ranked[0]
    if leader.number not in tuned and leader.tuning is None:
        return leader, leader
    least = tree.ranking[leader.number] - BEHIND * typical_step(tree)
    hopeful = [
        (-tree.ranking[parent] - mean, number)
        for number, (parent, mean) in tree.screened.items()
        if parent in tree.ranking and tree.ranking[parent] + mean > least and number not in tuned
    ]
    for _, number in sorted(hopeful):
        child = tree.child(tree[number])
        if _form(child.node.candidate) != _form(child.parent.candidate):
            return child.node, child.parent
    return None if leader.number in tuned else (leader, leader)


def _form(candidate: Candidate) -> tuple[str, ...]:
    """A program without its numbers: equal for programs that differ in constants alone."""
    return tuple(_blank(text) for _, text in sorted(candidate.files.items()))


@lru_cache(maxsize=4096)
def _blank(text: str) -> str:
    try:
        module = parse(text)
    except (SyntaxError, ValueError):
        return text
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            node.value = 0
    return ast.dump(module)
