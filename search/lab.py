"""Measure with a memory: no seed that finished is ever run twice, not even after a kill."""

import hashlib
import json
import platform
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from random import Random

from ..archive import Archive
from ..evals import Candidate, Evaluation, Gateway, Seed, Split, Trial, measure, probe
from ..evals.company import BESIDE, Company, repeat
from ..evals.lanes import Setting, measure_settings
from ..sandbox import Sandbox
from ..tasks import Task
from .budget import Budget
from .crew import threads
from .pace import Lap, Pace
from .start_cost import StartCost, start_seconds

REDRAWN = "redrawn"  # trials of an artefact that was scored on a second sealed draw


class Lab:
    """One task, one sandbox, one archive. Safe to use from several threads."""

    def __init__(
        self,
        task: Task,
        sandbox: Sandbox,
        archive: Archive,
        strict: bool = False,
        gateway: Gateway | None = None,
        environment: str | None = None,
    ) -> None:
        """Warm the sandbox up, and record the environment that every trial is measured under.

        With `strict` a job is one seed, so that nothing of one repeat is within reach of another.
        `gateway` answers what the candidates of a task with a language model ask, and a replay
        names the `environment` whose trials it reads.
        """
        self.task, self.sandbox, self.isolation = task, sandbox, sandbox.isolation
        self.start = Candidate(files=task.start, idea="the starting program", proposer="task")
        probe(self.start, task, sandbox)  # only a warm box can name the versions inside it
        self.trials = 0
        self.pace = Pace()
        self._archive, self._gateway, self._budget = archive, gateway, Budget()
        self.apart = task.manifest.limits.apart or seeds_per_job(task, strict) == 1
        self._seeds_per_job = seeds_per_job(task, strict)
        here = describe(sandbox, gateway if task.manifest.model else None)
        self.environment = environment or archive.add_environment(here)
        self._start_costs: dict[Split, StartCost] = {}
        self._locks: defaultdict[tuple[str, str, Split], threading.Lock] = defaultdict(
            threading.Lock
        )
        self._guard = threading.Lock()

    def charge(self, budget: Budget) -> None:
        """Pay for every evaluation from `budget` from now on."""
        self._budget = budget

    def learn(self, split: Split, start: Evaluation) -> None:
        """Limit all candidates from now on to a multiple of the CPU time of the start's trials."""
        self._start_costs[split] = StartCost.of(start, self._seeds_per_job)

    def expected(self, split: Split, count: int, candidate: str = "") -> float:
        """Wall seconds that measuring a candidate usually takes, one job after another.

        Zero if no job has run yet.
        """
        whole, rest = divmod(count, self._seeds_per_job)
        seconds = whole * self.pace.job(split, self._seeds_per_job, candidate) if whole else 0.0
        return seconds + (self.pace.job(split, rest, candidate) if rest else 0.0)

    def evaluate(
        self,
        candidate: Candidate,
        stream: str,
        seeds: Sequence[Seed],
        split: Split = "dev",
        beside: Sequence[Seed] = (),
        redrawn: Sequence[Seed] = (),
    ) -> Evaluation:
        """The candidate's trials on `seeds`, from the archive if it has them, else measured now.

        If there is anything to measure, the seeds `beside` ride along in the first job, so that it
        is of another company. Their scores there are kept as repeats and are no part of the result.
        `redrawn` are the seeds with other sealed numbers: what is measured is scored for them too,
        and `second_scores` has that. With them nothing can ride along.

        Raises BudgetSpent if a job does not fit into the budget. What was measured by then stays
        archived.
        """
        with self._guard:
            lock = self._locks[candidate.digest, stream, split]
        with lock:
            return self._evaluate(candidate, stream, seeds, split, beside, redrawn)

    def evaluate_all(
        self,
        programs: Mapping[str, Candidate],
        stream: str,
        seeds: Sequence[Seed],
        split: Split = "dev",
        workers: int = 2,
    ) -> dict[str, Evaluation]:
        """Evaluate every program on the same seeds, `workers` at a time; returned by its name."""
        with threads(workers, "ratchet-lab") as pool:
            futures = {
                name: pool.submit(self.evaluate, candidate, stream, seeds, split)
                for name, candidate in programs.items()
            }
            return {name: future.result() for name, future in futures.items()}

    def _evaluate(
        self,
        candidate: Candidate,
        stream: str,
        seeds: Sequence[Seed],
        split: Split,
        beside: Sequence[Seed],
        redrawn: Sequence[Seed],
    ) -> Evaluation:
        second = dict(zip(seeds, redrawn, strict=bool(redrawn)))
        archived = self._archived(candidate.digest, split, seeds)
        missing = [seed for seed in seeds if seed not in archived]
        for at in range(0, len(missing), self._seeds_per_job):
            some = missing[at : at + self._seeds_per_job]
            guests = beside if at == 0 and not self.apart else ()
            job = _mixed(some, [seed for seed in guests if seed not in some], split)
            expected = self.pace.job(split, len(job), candidate.digest)
            with self._budget.reserve(trials=len(some), seconds=expected) as unit:
                began = time.monotonic()
                allowed = start_seconds(self._start_costs, split, len(job))
                trials = measure(
                    candidate,
                    self.task,
                    self.sandbox,
                    job,
                    split,
                    self._gateway,
                    allowed,
                    redrawn=[second[seed] for seed in job] if second else (),
                )
                unit.settle(trials=len(some))
                by_seed = {trial.seed: trial for trial in trials}
                own = [by_seed.pop(seed) for seed in some]
                own[0] = own[0].model_copy(update={"log": trials[0].log})
                again = [by_seed.pop(second[seed]) for seed in some] if second else []
                rest = list(by_seed.values())
                if any(trial.scores for trial in own):  # else the job as a whole has failed
                    self._keep(_repeated(candidate, BESIDE), split, rest)
                self._keep(_repeated(candidate, REDRAWN), split, again)
                self._keep(candidate.digest, split, own)
            if any(trial.score is not None for trial in trials):
                lap = Lap(candidate.digest, len(job), time.monotonic() - began)
                self.pace.ran(split, lap)
            archived |= {trial.seed: trial for trial in own}
            with self._guard:
                self.trials += len(own)
        return Evaluation(stream=stream, trials=tuple(archived[seed] for seed in seeds))

    def settings(
        self,
        candidate: Candidate,
        settings: Sequence[Setting],
        stream: str,
        seeds: Sequence[Seed],
        pool: ThreadPoolExecutor,
    ) -> list[Evaluation]:
        """Trials of settings of the candidate's constants on `seeds`, archived or measured now.

        Where the task can stack constants all settings are measured side by side: they are to be
        compared with each other, and are no evidence of the candidate. Raises what `evaluate`
        raises.
        """
        names = [_set(candidate, setting) for setting in settings]
        archived = [self._archived(name, "dev", seeds) for name in names]
        if any(len(trials) < len(seeds) for trials in archived):
            lanes = len(seeds) * len(settings)
            expected = self.pace.job("dev", lanes, candidate.digest)
            with self._budget.reserve(trials=lanes, seconds=expected) as unit:
                began = time.monotonic()
                measured = measure_settings(
                    candidate,
                    self.task,
                    self.sandbox,
                    settings,
                    seeds,
                    pool,
                    start_seconds(self._start_costs, "dev", lanes),
                )
                unit.settle(trials=lanes)
                for name, trials in zip(names, measured, strict=True):
                    self._keep(name, "dev", trials)
            with self._guard:
                self.trials += lanes
            self.pace.ran("dev", Lap(candidate.digest, lanes, time.monotonic() - began))
            archived = [{trial.seed: trial for trial in trials} for trials in measured]
        rows = [tuple(trials[seed] for seed in seeds) for trials in archived]
        return [Evaluation(stream=stream, trials=row) for row in rows]

    def second_scores(
        self, candidate: Candidate, redrawn: Sequence[Seed], split: Split = "dev"
    ) -> dict[Seed, Trial]:
        """What `evaluate` scored for `redrawn` seeds; older archives have nothing."""
        return self._archived(_repeated(candidate, REDRAWN), split, redrawn)

    def repeats(
        self, candidate: Candidate, seeds: Sequence[Seed], split: Split = "dev"
    ) -> list[Trial]:
        """The candidate's repeats on these seeds: trials that rode along in jobs of other seeds."""
        return list(self._archived(_repeated(candidate, BESIDE), split, seeds).values())

    def repeat(self, candidate: Candidate, company: Company, split: Split = "dev") -> list[Trial]:
        """The candidate's trials in a company, from the archive if it has them, else measured now.

        Raises BudgetSpent if the search has come to its end.
        """
        name = _repeated(candidate, company.name)
        archived = self._archived(name, split, company.seeds)
        if len(archived) < len(company.seeds):
            with self._budget.reserve():
                trials = repeat(candidate, self.task, self.sandbox, company, split, self._gateway)
                self._keep(name, split, trials)
            archived = {trial.seed: trial for trial in trials} | archived
        return [archived[seed] for seed in company.seeds]

    def _archived(self, name: str, split: Split, seeds: Sequence[Seed]) -> dict[Seed, Trial]:
        return self._archive.trials(self.environment, self.task.digest, name, split, seeds)

    def _keep(self, name: str, split: Split, trials: Sequence[Trial]) -> None:
        self._archive.add_trials(self.environment, self.task.digest, name, split, trials)


def _repeated(candidate: Candidate, company: str) -> str:
    """The name under which an archive keeps repeats, apart from the trials that they repeat."""
    return f"{candidate.digest}/{company}"


def _set(candidate: Candidate, setting: Setting) -> str:
    """The name under which an archive keeps the trials of a setting of a candidate."""
    values = json.dumps(setting, sort_keys=True).encode()
    return _repeated(candidate, f"constants/{hashlib.sha256(values).hexdigest()[:16]}")


def _mixed(seeds: Sequence[Seed], beside: Sequence[Seed], split: Split) -> list[Seed]:
    """The seeds of a job in an order that only the sealed seeds foretell.

    A seed that rides along goes first, so that no other job of these seeds begins with the same.
    """
    rng = Random(f"{split} {[seed.sealed for seed in seeds]}")
    first = list(beside[:1])
    rest = [*seeds, *beside[1:]]
    return [*first, *rng.sample(rest, len(rest))]


def seeds_per_job(task: Task, strict: bool) -> int:
    """How many seeds one job trains."""
    return 1 if strict else task.manifest.limits.seeds_per_job


def describe(sandbox: Sandbox, gateway: Gateway | None = None) -> dict[str, str]:
    """Everything a score may depend on beside the task, the candidate and the seeds.

    `gateway` is that of a task whose candidates ask a language model.
    """
    return {
        "ratchet": version("ratchet"),
        "machine": platform.machine(),
        "processor": _processor(),
        **sandbox.describe(),
        **(gateway.describe() if gateway is not None else {}),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
