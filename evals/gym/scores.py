"""How much better than its start a program is, on the search seeds of one episode."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...sandbox import Sandbox
from ...tasks import Task
from .. import judge
from ..gateway import Gateway
from ..measure import measure
from ..records import Candidate, Estimate, Evaluation, Seed
from ..scored import scored_start
from ..seeds import Keys, draw, key_from

STREAM = "search/0"
LOST = ("infra_lost", "cancelled")  # ends that are not the program's, which is measured again
UNIT_SEEDS = 16
UNIT_KEYS = Keys(key_from(0), key_from(1))  # the same for everyone, so that rewards compare

Opener = Callable[[], Sandbox]


@dataclass(frozen=True)
class Scored:
    """The result of a validation; gains are over the start, positive where the program is better.

    `score` and `rival` are the mean scores of the program and of the start, `workloads` the mean
    gains by workload, all in the metric's unit. A seed without a score counts as the metric's worst
    value; `failed` says how many there are, `status` how the first of them ended.
    """

    gain: Estimate
    score: float
    rival: float
    workloads: Mapping[str, float]
    failed: int
    status: str
    log: str

    @property
    def valid(self) -> bool:
        """Whether any seed has a score."""
        return self.failed < self.gain.pairs


class Scorer:
    """Measures programs and their start on the same seeds, each of them once."""

    def __init__(
        self,
        task: Task,
        sandbox: Opener,
        start: Mapping[str, str],
        seeds: Sequence[Seed],
        gateway: Gateway | None = None,
    ) -> None:
        """Measure nothing yet. At least two seeds, as an interval needs them."""
        self._gateway = gateway
        self._task, self._sandbox, self._seeds = task, sandbox, tuple(seeds)
        self._start = candidate(start)
        self._evaluations: dict[str, Evaluation] = {}  # by digest of the program
        self.trials = 0  # taken so far, those of the start included

    @property
    def seeds(self) -> int:
        """The number of seeds that a program is measured on."""
        return len(self._seeds)

    def cost(self, files: Mapping[str, str]) -> int:
        """How many trials it would take to score `files`.

        None for the start, and for a program that has a score.
        """
        digest = candidate(files).digest
        scored = digest == self._start.digest or digest in self._evaluations
        return 0 if scored else len(self._seeds)

    def score(self, files: Mapping[str, str]) -> Scored:
        """Measure a program, and at first the start too.

        Raises what `measure` raises, and TaskError where the start has no score to compare with.
        """
        rival = self._measured(self._start)
        scored_start(rival, self._task)
        evaluation = self._measured(candidate(files))
        metric, lost = self._task.metric, [t for t in evaluation.trials if t.score is None]
        return Scored(
            gain=judge.estimate(judge.gains(evaluation, rival, metric)),
            score=_mean(evaluation.values(metric.worst)),
            rival=_mean(rival.values(metric.worst)),
            workloads={
                name: _mean(judge.gains(evaluation, rival, metric, name))
                for name in self._task.manifest.workloads.dev
            },
            failed=len(lost),
            status=lost[0].status if lost else "ok",
            log=next((trial.log for trial in evaluation.trials if trial.log), ""),
        )

    def _measured(self, program: Candidate) -> Evaluation:
        if program.digest in self._evaluations:
            return self._evaluations[program.digest]
        trials = measure(program, self._task, self._sandbox(), self._seeds, gateway=self._gateway)
        self.trials += len(trials)
        evaluation = Evaluation(stream=STREAM, trials=trials)
        if all(trial.status not in LOST for trial in trials):
            self._evaluations[program.digest] = evaluation
        return evaluation


def candidate(files: Mapping[str, str]) -> Candidate:
    """The candidate of these files, as it is audited, measured and archived."""
    return Candidate(files=files, idea="the result of an episode", proposer="gym")


_units: dict[tuple[str, ...], float] = {}


def unit(task: Task, sandbox: Sandbox, gateway: Gateway | None = None) -> float:
    """The gain that earns a reward of one: the standard deviation of the start over seeds.

    In the metric's unit. It is measured once a process, on the same 16 seeds for everyone, so that
    equal gains earn equal rewards in all episodes. Where the start has no spread, it is the
    metric's `minimum_gain`, or 1 where that is 0. A baseline's gain would not do: some tasks have
    none above their start. Raises what `measure` raises.
    """
    start = candidate(task.start)
    model = gateway.describe() if gateway else {}
    key = (task.digest, start.digest, sandbox.name, repr(sorted(model.items())))
    if key not in _units:
        seeds = draw(UNIT_KEYS._replace(data=task.data), STREAM, UNIT_SEEDS)
        trials = measure(start, task, sandbox, seeds, gateway=gateway)
        evaluation = Evaluation(stream=STREAM, trials=trials)
        scored_start(evaluation, task)
        spread = judge.summary(evaluation.values(task.metric.worst)).sd
        _units[key] = spread or task.metric.minimum_gain or 1.0
    return _units[key]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
