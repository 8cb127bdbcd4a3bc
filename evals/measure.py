"""Measure a candidate: train beside it in one sandbox, grade the artefact in another."""

import json
import math
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from ..sandbox import Job, Limits, Result, Sandbox
from ..sandbox.text import clean, line
from ..tasks import Frozen, Task, TaskError
from .gateway import Gateway, converse
from .records import GREATEST, LOG_CHARACTERS, Candidate, Seed, Split, Trial, TrialStatus

GRADER_LIMITS = Limits(wall_seconds=120, memory_mb=4096)


class Grade(Frozen):
    """What a grader replies: scores by workload and seed, or why the artefact has none."""

    scores: Mapping[str, Sequence[float | None]] = {}
    invalid: str | None = None


def measure(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    seeds: Sequence[Seed],
    split: Split = "dev",
    gateway: Gateway | None = None,
    start_seconds: float = 0.0,
    only: Sequence[str] = (),
    fresh: bool = False,
) -> tuple[Trial, ...]:
    """Run `candidate` on every workload of `split`, or on `only` some of them, all seeds at once.

    With `fresh` it is trained and graded in boxes that have run no job before.
    Its failures are data. `gateway` answers what it asks a language model, if its task has one.
    `start_seconds` is the CPU time of such a job with the starting program, 0 where not known: the
    candidate's own process gets a multiple of it.
    Raises SandboxError for a broken sandbox, and TaskError for a broken trainer or grader, or where
    candidates ask a model and there is no gateway.
    """
    task = task.keyed(_data(seeds))
    workloads = tuple(only) or getattr(task.manifest.workloads, split)
    request = {"workloads": workloads, "seeds": [seed.train for seed in seeds]}
    limits = task.limits_for(start_seconds)
    trained = _train(candidate, task, sandbox, request, gateway, limits, fresh)
    share = trained.cpu_seconds / len(seeds)
    if trained.status != "ok":
        log = trained.log
        if trained.status == "timeout" and "used up the" in trained.log and start_seconds:
            log = f"{log.strip()}\n{_allowed(limits, start_seconds)}"
        return _failed(seeds, trained.status, log, share)
    sealed = {**request, "sealed": [seed.sealed for seed in seeds]}
    grade = _grade(candidate, task, sandbox, sealed, trained.reply, fresh)
    if grade.invalid is not None:
        return _failed(seeds, "invalid_output", grade.invalid, share)
    trials = [
        _trial(task, seed, {w: grade.scores[w][i] for w in workloads}, share)
        for i, seed in enumerate(seeds)
    ]
    if task.manifest.model or any(trial.score is None for trial in trials):
        trials[0] = trials[0].model_copy(update={"log": clean(trained.log, LOG_CHARACTERS)})
    return tuple(trials)


def _data(seeds: Sequence[Seed]) -> int:
    """The number that the seeds' data are drawn with."""
    numbers = {seed.data for seed in seeds}
    if len(numbers) != 1:
        raise ValueError("seeds of one job have data of their own: measure them apart")
    return numbers.pop()


def probe(candidate: Candidate, task: Task, sandbox: Sandbox) -> Result:
    """A few steps on tiny tensors: does it run, and what does it do? Equal replies behave alike.

    No language model is asked: the trainer of a task that has one puts a fixed function in its
    place.
    """
    return _run(candidate, task, sandbox, {"probe": 1}, task.limits)


def _allowed(limits: Limits, start_seconds: float) -> str:
    """Both sides of a limit in words."""
    return (
        f"a candidate may use {limits.guest_cpu_seconds:.1f} s of CPU time here; with the starting "
        f"program the whole job takes {start_seconds:.1f} s"
    )


def _train(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    request: Mapping[str, object],
    gateway: Gateway | None,
    limits: Limits,
    fresh: bool,
) -> Result:
    if not task.manifest.model:
        return _run(candidate, task, sandbox, request, limits, fresh)
    if gateway is None:
        raise TaskError(
            f"task {task.name!r} asks a language model: set OPENAI_BASE_URL or OPENAI_API_KEY, "
            "and --model"
        )
    return converse(
        lambda answers: _run(candidate, task, sandbox, {**request, **answers}, limits, fresh),
        lambda asks: gateway.answer(candidate, asks),
    )


def _run(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    request: Mapping[str, object],
    limits: Limits,
    fresh: bool = False,
) -> Result:
    return sandbox.run(
        Job(
            program=task.trainer,
            request=json.dumps(request).encode(),
            files=_files(candidate),
            limits=limits,
            fresh=fresh,
        )
    )


def _files(candidate: Candidate) -> dict[str, bytes]:
    return {name: text.encode() for name, text in candidate.files.items()}


def _grade(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    request: Mapping[str, object],
    artefact: bytes,
    fresh: bool,
) -> Grade:
    # A box of its own: the trainer's box, which the candidate has met, cannot touch the score.
    body = json.dumps(request).encode() + b"\n" + artefact
    grader = task.grader
    files = _files(candidate) if grader.guest else {}
    new = fresh and bool(grader.guest)  # one that holds no candidate is the same in any box
    result = sandbox.run(Job(grader, body, files, GRADER_LIMITS, new))
    if result.status != "ok" and grader.guest:
        return Grade(invalid=f"{result.status} while predicting: {result.log[-LOG_CHARACTERS:]}")
    if result.status != "ok":
        raise TaskError(f"the grader of {task.name!r} ended with {result.status}: {result.log}")
    try:
        grade = Grade.model_validate_json(result.reply)
    except ValidationError as error:
        raise TaskError(f"the grader of {task.name!r} replied badly: {line(str(error))}") from error
    seeds, workloads = request["seeds"], request["workloads"]
    assert isinstance(seeds, list)
    assert isinstance(workloads, tuple)
    complete = set(grade.scores) == set(workloads) and all(
        len(row) == len(seeds) for row in grade.scores.values()
    )
    if grade.invalid is None and not complete:
        raise TaskError(f"the grader of {task.name!r} left out a workload or a seed")
    return grade


def _trial(task: Task, seed: Seed, scores: Mapping[str, float | None], seconds: float) -> Trial:
    scores = {
        name: score if score is not None and abs(score) <= GREATEST else None
        for name, score in scores.items()
    }
    finite = [score for score in scores.values() if score is not None]
    diverged = len(finite) < len(scores)
    return Trial(
        seed=seed,
        status="diverged" if diverged else "ok",
        scores=scores,
        score=None if diverged else math.fsum(finite) / len(finite),
        seconds=seconds,
    )


def _failed(
    seeds: Sequence[Seed], status: TrialStatus, log: str, seconds: float
) -> tuple[Trial, ...]:
    return tuple(
        Trial(
            seed=seed,
            status=status,
            score=None,
            seconds=seconds,
            log="" if position else log,
        )
        for position, seed in enumerate(seeds)
    )
