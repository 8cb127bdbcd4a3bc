"""Look at a task before anything is searched: run its start a few times, and archive nothing."""

import re
import time
from collections.abc import Callable
from statistics import fmean, stdev

from ...evals import Calibration, Candidate, Evaluation, Keys, draw, judge, measure, probe
from ...evals.checks import Glances, SameAgainstSame
from ...evals.scored import scored_start
from ...sandbox import Sandbox
from ...tasks import Frozen, Level, Task, TaskError
from ..forecast import Instrument, foresee
from ..plan import Plan, Standards
from .settled import least_gain, worst_of

SEEDS, DEAR_SEEDS = 4, 2  # of the first run; fewer where a trial takes long
LONG = 30.0  # seconds of a trial
STREAM = "check"
PEAK = re.compile(r"^peak memory (\d+) MB$", re.MULTILINE)


class TaskCheck(Frozen):
    """What a few trials say of a task. Times are seconds of one trial, and memory is in MB.

    `memory` is None where it was not measured. `repeats` says whether a seed scored the same twice,
    and `exact` whether different seeds did. `noise` is the standard deviation of
    the score over so few seeds. `regime` and `forecast` are sentences about a search.
    """

    task: str
    level: Level
    unit: str
    flags: tuple[str, ...]
    scores: tuple[float, ...]
    failed: int
    repeats: bool
    exact: bool
    noise: float
    seconds: float
    cpu_seconds: float
    allowed_seconds: float
    memory: int | None
    allowed_memory: int
    per_job: int
    minutes: float
    regime: str
    forecast: str


def check(
    task: Task, flags: tuple[str, ...], sandbox: Sandbox, plan: Plan, say: Callable[[str], object]
) -> TaskCheck:
    """Run the start of a task on a few seeds, and one of them again.

    Raises TaskError if it gives no scores, and SandboxError for a broken sandbox.
    """
    start = Candidate(files=task.start, idea="the starting program", proposer="task")
    keys = Keys.fresh()
    say("running the start: the smoke test ...")
    memory = _memory(task, start, sandbox)
    say("running the start: one seed ...")
    first, seconds = _timed(task, start, sandbox, keys, 0, 1)
    count = DEAR_SEEDS if seconds > LONG else SEEDS
    say(f"running the start: {count - 1} seeds more, and the first one again ...")
    rest, took = _timed(task, start, sandbox, keys, 1, count)
    again, _ = _timed(task, start, sandbox, keys, 0, 1)
    trials = (*first.trials, *rest.trials)
    evaluation = scored_start(Evaluation(stream=STREAM, trials=trials), task)
    scores = tuple(trial.score for trial in trials if trial.score is not None)
    repeats = first.trials[0].scores == again.trials[0].scores
    exact = repeats and len(set(scores)) == 1 and len(scores) > 1
    seconds = took / (count - 1)
    calibration = _calibration(task, evaluation, scores, seconds, exact)
    task = task.settled(worst_of(evaluation, task.metric), least_gain(calibration))
    rule = Standards().rule(calibration, task.metric, plan=plan)
    return TaskCheck(
        task=task.name,
        level=task.level,
        unit=task.metric.unit,
        flags=flags,
        scores=scores,
        failed=evaluation.failures,
        repeats=repeats,
        exact=exact,
        noise=calibration.noise,
        seconds=seconds,
        cpu_seconds=calibration.cpu_seconds,
        allowed_seconds=task.limits.wall_seconds,
        memory=memory,
        allowed_memory=task.limits.memory_mb,
        per_job=task.manifest.limits.seeds_per_job,
        minutes=plan.minutes or 0.0,
        regime=judge.regime_words(rule),
        forecast=foresee(Instrument(calibration, rule, task.metric), plan, None),
    )


def _memory(task: Task, start: Candidate, sandbox: Sandbox) -> int | None:
    """The memory of the smoke test, where it says so; raises TaskError if that fails."""
    result = probe(start, task, sandbox)
    if result.status != "ok":
        seeds = draw(Keys.of("check"), STREAM, 1)
        trials = measure(start, task, sandbox, seeds)
        scored_start(Evaluation(stream=STREAM, trials=trials), task)
        last = result.log.strip().split("\n")[-1]
        raise TaskError(f"the smoke test of {task.name!r} ended with {result.status}: {last[:300]}")
    peaks = PEAK.findall(result.log)
    return int(peaks[-1]) if peaks and task.level != "counted" else None


def _timed(
    task: Task,
    start: Candidate,
    sandbox: Sandbox,
    keys: Keys,
    first: int,
    end: int,
) -> tuple[Evaluation, float]:
    """The start's trials on some seeds of a stream, and how many seconds they took together."""
    seeds, began = draw(keys, STREAM, end - first, first), time.monotonic()
    trials = measure(start, task.keyed(keys.data), sandbox, seeds)
    evaluation = scored_start(Evaluation(stream=STREAM, trials=trials), task)
    return evaluation, time.monotonic() - began


def _calibration(
    task: Task, evaluation: Evaluation, scores: tuple[float, ...], seconds: float, exact: bool
) -> Calibration:
    """What so few trials say of the noise: a rough guess, which a search measures anew."""
    noise = stdev(scores) if len(scores) > 1 else 0.0
    apart = 2**0.5 * noise
    return Calibration(
        task=task.digest,
        environment="",
        reference="",
        seeds=len(evaluation.trials),
        usual=fmean(scores),
        noise=noise,
        paired=apart,
        unpaired=apart,
        failed=evaluation.failures / len(evaluation.trials) if not exact else 0.0,
        cpu_seconds=fmean(trial.seconds for trial in evaluation.trials),
        seconds=seconds,
        same=SameAgainstSame(identical=True),
        glance=Glances(chances=0, wrong=0),
    )
