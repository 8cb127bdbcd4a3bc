"""Run an exploit as a candidate of a real task, through the pipeline that every candidate takes."""

import contextlib
import os
import secrets
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ...sandbox import Job, Result, Sandbox
from ...tasks import Task, TaskError
from ..audit import audit
from ..measure import measure
from ..records import Candidate, Evaluation, Seed, Trial
from .exploits import Exploit
from .naively import refuse_unboxed

SEEDS = 2
LEAST_SECONDS, MOST_SECONDS, SLOWER = 2.0, 20.0, 8.0


@dataclass(frozen=True)
class Outcome:
    """What became of an exploit. `broken` says what did not hold; empty means that all did.

    `gain` over the honest start is the best seed's, or the mean where some seeds failed and count
    as the worst, as in a search; None where all failed. `refused` and `flags` are what the audit,
    which was left out, says of the exploit.
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
        """What the sandbox behind says."""
        return self._sandbox.describe()

    def close(self) -> None:
        """Leave the sandbox behind open: its owner closes it."""


class Target:
    """A task under attack. Several threads may attack it at once."""

    def __init__(self, task: Task, sandbox: Sandbox, canary: str) -> None:
        """Measure the honest start; `canary` is a secret of the host's that no box may show."""
        refuse_unboxed(sandbox)
        self._task, self._canary, self._sandbox = task, canary, sandbox
        numbers = [secrets.randbits(63) for _ in range(2 * SEEDS)]
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        self._seeds = [Seed(train=train, sealed=sealed) for train, sealed in pairs]
        self._measure(task.start, Recorder(sandbox, MOST_SECONDS))
        recorder = Recorder(sandbox, MOST_SECONDS)  # by the second time all is loaded
        self.honest = self._measure(task.start, recorder)
        if bad := [trial for trial in self.honest if trial.score is None]:
            raise TaskError(f"the start of {task.name!r} has no score to defend: {bad[0].status}")
        self._wall = min(MOST_SECONDS, LEAST_SECONDS + SLOWER * recorder.results[0].wall_seconds)

    def attack(self, exploit: Exploit) -> Outcome:
        """Measure the start with `exploit` in it, the audit left out, and look for what it got."""
        mark = f"x{secrets.token_hex(6)}"  # a process's name has at most 15 characters
        first = self._task.manifest.editable[0]
        start = self._task.start
        recorder = Recorder(self._sandbox, self._wall)
        trials = self._measure({**start, first: exploit.joined(start[first], mark)}, recorder)
        gain = self._gain(trials)
        wrong = {
            "a better score": gain is not None and gain > self._task.metric.minimum_gain,
            "the host's secret came out": self._leaked(trials, recorder.results),
            "a process outlived its job": mark in running(),
            "an honest score changed": self._measure(self._task.start, recorder) != self.honest,
        }
        found = audit({f"{exploit.name}.py": exploit.source})
        broken = tuple(words for words, true in wrong.items() if true)
        return Outcome(trials[0].status, gain, found.refused, found.flags, broken)

    def _gain(self, trials: tuple[Trial, ...]) -> float | None:
        if all(trial.score is None for trial in trials):
            return None
        metric = self._task.metric
        new, old = (
            Evaluation(stream="", trials=t).values(metric.worst) for t in (trials, self.honest)
        )
        gains = [metric.gain(*pair) for pair in zip(new, old, strict=True)]
        whole = all(trial.score is not None for trial in trials)
        return max(gains) if whole else statistics.fmean(gains)

    def _leaked(self, trials: tuple[Trial, ...], results: list[Result]) -> bool:
        said = [trial.log.encode() for trial in trials]
        said += [part for result in results for part in (result.reply, result.log.encode())]
        return any(self._canary.encode() in text for text in said)

    def _measure(self, files: Mapping[str, str], recorder: Recorder) -> tuple[Trial, ...]:
        candidate = Candidate(files=files, idea="an exploit", proposer="ratchet doctor")
        trials = measure(candidate, self._task, recorder, self._seeds, "glance")
        return tuple(trial.model_copy(update={"seconds": 0.0}) for trial in trials)


@contextlib.contextmanager
def planted() -> Iterator[str]:
    """A secret in this process's environment and home folder, for exploits to look for."""
    canary = secrets.token_hex(16)
    kept = dict(os.environ)
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
            os.environ.update(kept)


def running() -> str:
    """The names and arguments of all processes in sight, where the system shows them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        for name in ("comm", "cmdline"):
            with contextlib.suppress(OSError):
                found.append((folder / name).read_text(errors="replace"))
    return "\n".join(found)
