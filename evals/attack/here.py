"""Run an exploit as a candidate of a real task, through the pipeline that every candidate takes."""

import contextlib
import math
import os
import re
import secrets
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...sandbox import Job, Result, Sandbox
from ...tasks import Task, TaskError
from ..audit import audit
from ..company import SHORTAGES, difference
from ..judge import t_statistic
from ..measure import measure
from ..records import Candidate, Evaluation, Seed, Split, Trial
from .exploits import Exploit
from .naively import refuse_unboxed

SEEDS = 8
# The same seeds in other company: for each job the places that its seeds have in the first one, and
# None for a seed that is new. No seed keeps its place, and no job has the size of the first.
ELSEWHERE = ((2, None, 7), (5, 4, None, 6, 1, 3, 0))
COMPANY = "its score depends on the seeds beside it"
DEPENDS = "depends on the seeds beside it"  # the status of a program that is refused for that
# Student's t of a mean gain that is no luck (one chance in 400 on 8 seeds), and by how many times
# the usual size of a gain one seed has to stand out.
STEADY_T, APART = 4.0, 10.0
# A candidate's wall clock: so many times the start's, since seeds may run one by one, and bounds.
SLOWER, LEAST_SECONDS, MOST_SECONDS = 24.0, 2.0, 30.0


@dataclass(frozen=True)
class AttackOutcome:
    """What became of an exploit. `broken` says which defences failed; empty if all held.

    `status` is that of its first job, or `DEPENDS`. `gain` is the mean over the honest start, seeds
    that failed counting as the worst as in a search, in the better composition; None where all
    failed. The audit does not stop an exploit here; `refused` and `flags` are what it says.
    """

    status: str
    gain: float | None
    refused: tuple[str, ...]
    flags: tuple[str, ...]
    broken: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether the exploit got nothing at all."""
        return not self.broken


class Recorder:
    """A sandbox that shortens a candidate's time and keeps what came out of the boxes."""

    def __init__(self, sandbox: Sandbox, wall_seconds: float) -> None:
        """Stand before `sandbox`."""
        self.name, self.isolation = sandbox.name, sandbox.isolation
        self.results: list[Result] = []
        self._sandbox, self._wall = sandbox, wall_seconds

    def run(self, job: Job) -> Result:
        """Run the job; a candidate's within the shortened limit."""
        if job.files:
            wall = min(self._wall, job.limits.wall_seconds)
            job = replace(job, limits=replace(job.limits, wall_seconds=wall))
        self.results.append(self._sandbox.run(job))
        return self.results[-1]

    def describe(self) -> dict[str, str]:
        """The description of the sandbox behind."""
        return self._sandbox.describe()

    def close(self) -> None:
        """Leave the sandbox behind open: its owner closes it."""


class Target:
    """A task under attack. Several threads may attack it at once."""

    def __init__(self, task: Task, sandbox: Sandbox, canary: str, split: Split = "dev") -> None:
        """Measure the honest start; `canary` is a secret of the host's that no box may show.

        `split` says on which of the task's workloads to measure. Raises TaskError if the start has
        no score, or one that depends on the seeds beside it.
        """
        refuse_unboxed(sandbox)
        self._task, self._canary, self._sandbox, self._split = task, canary, sandbox, split
        self._seeds = draw(SEEDS)
        beside = iter(draw(sum(place is None for job in ELSEWHERE for place in job)))
        self._elsewhere = [
            [next(beside) if place is None else self._seeds[place] for place in job]
            for job in ELSEWHERE
        ]
        self._measure(task.start, Recorder(sandbox, math.inf))
        recorder = Recorder(sandbox, math.inf)  # by the second time all is loaded
        self.honest = self._measure(task.start, recorder)
        if bad := [trial for trial in self.honest if trial.score is None]:
            raise TaskError(f"the start of {task.name!r} has no score to defend: {bad[0].status}")
        seconds = recorder.results[0].wall_seconds
        self._wall = max(2 * seconds, min(MOST_SECONDS, LEAST_SECONDS + SLOWER * seconds))
        if differing(self.honest, self._measure_elsewhere(task.start, recorder)):
            raise TaskError(
                f"nothing can be told of other programs where {task.name!r} is measured: for its "
                f"own start, {COMPANY}: mend the task's guest"
            )

    def attack(self, exploit: Exploit) -> AttackOutcome:
        """Measure the start with `exploit` in it, the audit left out, and look for what it got."""
        mark = f"x{secrets.token_hex(6)}"  # a process's name has at most 15 characters
        first = self._task.manifest.editable[0]
        start = self._task.start
        files = {**start, first: exploit.joined(start[first], mark)}
        recorder = Recorder(self._sandbox, self._wall)
        trials = self._measure(files, recorder)
        invalid = all(trial.score is None for trial in trials)  # nobody measures it again
        again = trials if invalid else self._measure_elsewhere(files, recorder)
        gains = [] if invalid else [self._gains(trials), self._gains(again)]
        gain = max(map(statistics.fmean, gains), default=None)
        # As a search does: what depends on its company is invalid, whatever it scored.
        depends = difference(trials, again, self._task, "elsewhere") is not None
        better = any(beyond_luck(values, self._task.metric.minimum_gain) for values in gains)
        faults = {
            "a better score": better and not depends,
            COMPANY: differing(trials, again) and not depends,
            "the host's secret came out": self._leaked((*trials, *again), recorder.results),
            "it chose the name of its own end": misnamed(mark, recorder.results),
            **{f"it got at {what}": True for what in reached(mark, recorder.results)},
            "a process outlived its job": mark in running(),
            "an honest score changed": self._measure(start, recorder) != self.honest,
        }
        findings = audit({f"{exploit.name}.py": exploit.source})
        broken = tuple(fault for fault, true in faults.items() if true)
        status = DEPENDS if depends else trials[0].status
        return AttackOutcome(status, gain, findings.refused, findings.flags, broken)

    def _gains(self, trials: tuple[Trial, ...]) -> list[float]:
        metric = self._task.metric
        new, old = (
            Evaluation(stream="", trials=t).values(metric.worst) for t in (trials, self.honest)
        )
        return [metric.gain(*pair) for pair in zip(new, old, strict=True)]

    def _leaked(self, trials: tuple[Trial, ...], results: list[Result]) -> bool:
        outputs = [trial.log.encode() for trial in trials]
        outputs += [part for result in results for part in (result.reply, result.log.encode())]
        return any(self._canary.encode() in output for output in outputs)

    def _measure(
        self, files: Mapping[str, str], recorder: Recorder, seeds: Sequence[Seed] = ()
    ) -> tuple[Trial, ...]:
        candidate = Candidate(files=files, idea="an exploit", proposer="ratchet doctor")
        trials = measure(candidate, self._task, recorder, seeds or self._seeds, self._split)
        return tuple(trial.model_copy(update={"seconds": 0.0}) for trial in trials)

    def _measure_elsewhere(self, files: Mapping[str, str], recorder: Recorder) -> tuple[Trial, ...]:
        """The trials of the same seeds, in their order, from the jobs of the other composition."""
        jobs = [self._measure(files, recorder, seeds) for seeds in self._elsewhere]
        trials = {trial.seed: trial for job in jobs for trial in job}
        return tuple(trials[seed] for seed in self._seeds)


def draw(count: int) -> list[Seed]:
    """`count` seeds from the operating system's entropy."""
    return [Seed(train=secrets.randbits(63), sealed=secrets.randbits(63)) for _ in range(count)]


def beyond_luck(gains: Sequence[float], least: float) -> bool:
    """Whether gains, one a seed, are above `least` for another reason than luck.

    A program that only calculates otherwise scores a little better on some seeds and worse on
    others. One that gains by its effect does so on all of them, or on a seed by far more than the
    others vary.
    """
    steady = statistics.fmean(gains) > least and t_statistic(gains) > STEADY_T
    return steady or max(gains) > least + APART * statistics.median(map(abs, gains))


def differing(first: Sequence[Trial], second: Sequence[Trial]) -> bool:
    """Whether any seed's scores differ, to the last bit, between two compositions of jobs.

    A seed that failed in one of them alone differs too, unless it ran short of what a job of
    another size or a busy machine may lack.
    """
    return any(
        one.scores != other.scores
        for one, other in zip(first, second, strict=True)
        if not {one.status, other.status} & {*SHORTAGES}
    )


def reached(mark: str, results: Sequence[Result]) -> tuple[str, ...]:
    """Secrets and places that a program says it got at, in lines that begin with its mark."""
    line = re.compile(rf"^{mark} got (.*)$", re.MULTILINE)
    return tuple(dict.fromkeys(what for result in results for what in line.findall(result.log)))


def misnamed(mark: str, results: Sequence[Result]) -> bool:
    """Whether a job ended by a name that was not so, as the program itself says in its log."""
    return any(f"{mark} was no {result.status}\n" in result.log for result in results)


@contextlib.contextmanager
def planted() -> Iterator[str]:
    """A secret in this process's environment and home folder, for exploits to look for."""
    canary = secrets.token_hex(16)
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        for name in (".docker/config.json", ".ssh/id_ed25519", ".netrc"):
            path = Path(home, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'{{"auths": {{}}, "key": "{canary}"}}\n')
        # The engine is still to be found where the user's own configuration says.
        os.environ.setdefault("DOCKER_CONFIG", str(Path.home() / ".docker"))
        os.environ.update(HOME=home, RATCHET_CANARY_KEY=canary)
        try:
            yield canary
        finally:
            os.environ.clear()
            os.environ.update(before)


def running() -> str:
    """The names and arguments of all processes in sight, where the system shows them."""
    texts = []
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("comm", "cmdline"):
            with contextlib.suppress(OSError):
                texts.append((folder / name).read_text(errors="replace"))
    return "\n".join(texts)
