"""Measure a candidate: train beside it in one sandbox, grade the artefact in another."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from pydantic import ValidationError

from ..sandbox import Job, Limits, Result, Sandbox
from ..sandbox.text import clean, line
from ..tasks import Frozen, Task, TaskError
from .gateway import Gateway, converse
from .records import GREATEST, LOG_CHARACTERS, Candidate, Seed, Split, Trial, TrialStatus


class Grade(Frozen):
    """The reply of a grader: scores by workload, one a seed, or why the artefact has none."""

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
    redrawn: Sequence[Seed] = (),
    constants: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> tuple[Trial, ...]:
    """Run `candidate` on every workload of `split`, or on `only` some of them, all seeds at once.

    Where the task keeps seeds `apart`, each of them is a job, and what all jobs ask is asked
    together.

    Returns one trial a seed, in the order of `seeds`. What the candidate does wrong is in the
    trials. `gateway` answers what it asks a language model, if its task has one. `start_seconds` is
    the CPU time of such a job with the starting program, 0 where not known: the candidate's own
    process gets a multiple of it. With `fresh` it is trained and graded in boxes that have run no
    job before. `redrawn` are the seeds with other sealed numbers: what was trained is scored for
    them too, and their trials follow those of the same job. `constants` are values, one for each
    seed, in the place of those that the candidate has for these names: seeds may then repeat. Only
    tasks with `stacked_constants` take them.

    Raises SandboxError for a broken sandbox, and TaskError for a broken trainer or grader, for
    `constants` that the task does not take, or where candidates ask a model and there is no
    gateway.
    """
    if constants and not task.manifest.stacked_constants:
        raise TaskError(f"task {task.name!r} cannot stack constants: its task.toml does not say so")
    task = task.keyed(_data(seeds))
    workloads = tuple(only) or getattr(task.manifest.workloads, split)
    jobs = [(seed,) for seed in seeds] if task.manifest.limits.apart else [tuple(seeds)]
    start_seconds /= len(jobs)
    limits = task.limits_for(start_seconds)
    boxes = _Boxes(candidate, task, sandbox, limits, fresh)
    requests = [{"workloads": workloads, "seeds": [seed.train for seed in job]} for job in jobs]
    if constants:
        requests = [{**request, "constants": dict(constants)} for request in requests]
    if task.manifest.model:
        results = boxes.converse(requests, gateway)
    else:
        results = [boxes.train(request) for request in requests]
    return tuple(
        trial
        for at, (job, request, result) in enumerate(zip(jobs, requests, results, strict=True))
        for trial in _graded(
            boxes, job, redrawn[at : at + len(job)], request, result, start_seconds
        )
    )


def _graded(
    boxes: "_Boxes",
    seeds: Sequence[Seed],
    redrawn: Sequence[Seed],
    request: Mapping[str, Sequence[object]],
    trained: Result,
    start_seconds: float,
) -> Sequence[Trial]:
    """The trials of one job that was trained, and of its seeds `redrawn`."""
    share = trained.cpu_seconds / len(seeds)
    if trained.status != "ok":
        why = _why(trained, boxes.limits, start_seconds)
        return _failed([*seeds, *redrawn], trained.status, why, share)
    trials = boxes.scored(request, trained.reply, seeds, share)
    statuses = {trial.status for trial in trials}
    if "diverged" in statuses or (boxes.task.manifest.model and "ok" in statuses):
        trials[0] = trials[0].model_copy(update={"log": clean(trained.log, LOG_CHARACTERS)})
    return [*trials, *(boxes.scored(request, trained.reply, redrawn, 0.0) if redrawn else ())]


def probe(
    candidate: Candidate,
    task: Task,
    sandbox: Sandbox,
    constants: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> Result:
    """Run `candidate` for a few steps on tiny tensors. Equal replies mean equal behaviour.

    Two seeds are run. `constants` are a value for each of them, as in `measure`.

    No language model is asked: the trainer of a task that has one puts a fixed function in its
    place. Raises SandboxError for a broken sandbox.
    """
    request = {"probe": 1, **({"constants": dict(constants)} if constants else {})}
    return _Boxes(candidate, task, sandbox, task.limits).train(request)


@dataclass(frozen=True)
class _Boxes:
    """The two boxes of a measurement: one trains beside the candidate, the other grades."""

    candidate: Candidate
    task: Task
    sandbox: Sandbox
    limits: Limits  # of the trainer's
    fresh: bool = False

    def train(self, request: Mapping[str, object]) -> Result:
        """The trainer's result; its reply is the artefact."""
        body = json.dumps(request).encode()
        job = Job(self.task.trainer, body, self._files(), self.limits, self.fresh)
        return self.sandbox.run(job)

    def converse(
        self, requests: Sequence[Mapping[str, object]], gateway: Gateway | None
    ) -> list[Result]:
        """The trainer's results for a candidate that asks a language model, through `gateway`."""
        if gateway is None:
            raise TaskError(
                f"task {self.task.name!r} asks a language model: set OPENAI_BASE_URL or "
                "OPENAI_API_KEY, and --model"
            )
        return converse(
            [partial(self._resumed, request) for request in requests],
            lambda asks: gateway.answer(self.candidate, asks),
        )

    def _resumed(self, request: Mapping[str, object], answers: Mapping[str, object]) -> Result:
        """The trainer's result with the replies so far."""
        return self.train({**request, **answers})

    def scored(
        self, request: Mapping[str, object], artefact: bytes, seeds: Sequence[Seed], seconds: float
    ) -> list[Trial]:
        """The trials of `seeds`, each of which trained for `seconds`."""
        grade = self.grade({**request, "sealed": [seed.sealed for seed in seeds]}, artefact)
        if grade.invalid is not None:
            return list(_failed(seeds, "invalid_output", grade.invalid, seconds))
        return [
            _trial(seed, dict(zip(grade.scores, row, strict=True)), seconds)
            for seed, *row in zip(seeds, *grade.scores.values(), strict=True)
        ]

    def grade(self, request: Mapping[str, object], artefact: bytes) -> Grade:
        """The grade of an artefact; raises TaskError where that is the grader's own fault."""
        # A box of its own: the trainer's box, which the candidate has met, cannot touch the score.
        grader, name = self.task.grader, self.task.name
        body = json.dumps(request).encode() + b"\n" + artefact
        files = self._files() if grader.guest else {}
        fresh = self.fresh and bool(grader.guest)  # without a candidate any box is the same
        result = self.sandbox.run(Job(grader, body, files, self.task.grading, fresh))
        if result.status != "ok" and grader.guest:
            log = result.log[-LOG_CHARACTERS:]
            return Grade(invalid=f"{result.status} while predicting: {log}")
        if result.status != "ok":
            raise TaskError(f"the grader of {name!r} ended with {result.status}: {result.log}")
        try:
            grade = Grade.model_validate_json(result.reply)
        except ValidationError as error:
            raise TaskError(f"the grader of {name!r} replied badly: {line(str(error))}") from error
        if grade.invalid is None and not _complete(grade, request):
            raise TaskError(f"the grader of {name!r} left out a workload or a seed")
        return grade

    def _files(self) -> dict[str, bytes]:
        return {name: text.encode() for name, text in self.candidate.files.items()}


def _complete(grade: Grade, request: Mapping[str, object]) -> bool:
    """Whether a grade has a score for every workload and seed of a request."""
    seeds, workloads = request["seeds"], request["workloads"]
    assert isinstance(seeds, list)
    assert isinstance(workloads, tuple)
    rows = grade.scores.values()
    return set(grade.scores) == set(workloads) and all(len(row) == len(seeds) for row in rows)


def _data(seeds: Sequence[Seed]) -> int:
    """The number that the seeds' data are drawn with; raises ValueError if there are several."""
    numbers = {seed.data for seed in seeds}
    if len(numbers) != 1:
        raise ValueError("seeds of one job have data of their own: measure them apart")
    return numbers.pop()


def _why(result: Result, limits: Limits, start_seconds: float) -> str:
    """The log of a job that failed, with both sides of the limit if it ran out of CPU time."""
    if result.status != "timeout" or "used up the" not in result.log or not start_seconds:
        return result.log
    return (
        f"{result.log.strip()}\na candidate may use {limits.guest_cpu_seconds:.1f} s of CPU time "
        f"here; with the starting program the whole job takes {start_seconds:.1f} s"
    )


def _trial(seed: Seed, scores: Mapping[str, float | None], seconds: float) -> Trial:
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
