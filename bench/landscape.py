"""A landscape whose every true score is known, for searches that cost next to nothing.

A child's true score is its parent's plus an effect that depends on the parent and on how many
children came before, so that every method meets the same proposals. Scores are in units of the
noise of one seed; on a shared seed two programs' noise correlates by `rho`. The program's text says
its number and its true score, and the lab below measures by reading it.
"""

import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

import numpy as np
from noise import suited
from scipy.special import ndtri

from ratchet.agents.base import Brief
from ratchet.agents.opening import declared
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate, Evaluation, Rule, Seed, Split, Trial, key_from
from ratchet.sandbox import Job, Result
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import Select, dgm
from ratchet.tasks import Task

TOML = b"""
name = "hills"
title = "Known hills"
statement = "A landscape whose true scores are known."
editable = ["program.py"]

[metric]
name = "height"
unit = "sd"
goal = "max"
worst = -1000.0
minimum_gain = 0.02

[workloads]
dev = ["hill"]
glance = ["hill"]
transfer = ["valley"]

[limits]
wall_seconds = 1
memory_mb = 64
"""
TEXT = re.compile(r"NUMBER = (\d+)\nTRUE = (\S+)\n")
MASK = (1 << 64) - 1


def program(number: int, true: float) -> str:
    """The text of a program; all have the same size of syntax."""
    return f"NUMBER = {number}\nTRUE = {true + 1000.0!r}\n"


def hills(planted: Mapping[str, float]) -> Task:
    """The task, with baselines of these true scores."""
    baselines = {
        f"baselines/{name}/program.py": program(number, true).encode()
        for number, (name, true) in enumerate(planted.items(), 1)
    }
    files = dict.fromkeys(("trainer.py", "grader.py", "guest.py"), b"")
    start = program(0, 0.0).encode()
    return Task({"task.toml": TOML, **files, "start/program.py": start, **baselines})


TASK = hills({})


def read(candidate: Candidate) -> tuple[int, float]:
    """Number and true score of a program."""
    match = TEXT.fullmatch(candidate.files["program.py"])
    assert match is not None
    return int(match[1]), float(match[2]) - 1000.0


@dataclass(frozen=True)
class Landscape:
    """Effects and noise that follow from `seed`.

    A share `good` of the proposals gains, with a mean gain of `gain` noise sd (exponential); a
    share `none` does nothing; the others lose `harm` on average (exponential). `noise` is the sd of
    one seed.
    """

    seed: int
    rho: float = 0.88
    good: float = 0.05
    none: float = 0.20
    gain: float = 0.3
    harm: float = 1.0
    noise: float = 1.0

    def child(self, number: int, true: float, index: int) -> tuple[int, float]:
        """The `index`-th proposal from a parent: its number and true score."""
        rng = Random(f"{self.seed}/{number}/{index}")
        kind, size, name = rng.random(), rng.expovariate(1.0), rng.getrandbits(62)
        if kind < self.good:
            return name, true + self.gain * size
        return name, true if kind < self.good + self.none else true - self.harm * size

    def scores(self, number: int, true: float, seeds: Sequence[int]) -> list[float]:
        """The program's scores on these seeds: the same whenever they are asked for."""
        drawn = np.array(seeds, dtype=np.uint64)
        shared = normal(drawn ^ np.uint64(mixed(self.seed)))
        own = normal(drawn ^ np.uint64(mixed(self.seed + 1) ^ mixed(number)))
        noise = np.sqrt(self.rho) * shared + np.sqrt(1 - self.rho) * own
        return [float(score) for score in true + self.noise * noise]


def mixed(number: int) -> int:
    """A hash of a number."""
    return int(splitmix(np.array([number & MASK], dtype=np.uint64))[0])


def splitmix(x: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """The finaliser of SplitMix64 (Steele et al. 2014)."""
    z = x + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def normal(keys: np.ndarray[Any, np.dtype[np.uint64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A standard normal value for every key."""
    values = ndtri(((splitmix(keys) >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53)
    return np.asarray(values, dtype=np.float64)


class Walker:
    """An agent that offers the landscape's next proposal from a parent."""

    def __init__(self, land: Landscape) -> None:
        """Start with nothing proposed."""
        self.land, self.children, self.guard = land, Counter[int](), threading.Lock()

    def propose(self, brief: Brief) -> Candidate:
        """The next child, whoever asks."""
        number, true = read(brief.parent.candidate)
        with self.guard:
            index = self.children[number]
            self.children[number] += 1
        child = program(*self.land.child(number, true, index))
        return Candidate(files={"program.py": child}, idea="a step", proposer="walker")


class Surveyor:
    """Stands in for the lab: measures by reading the landscape, and counts what it measured."""

    def __init__(self, land: Landscape, task: Task = TASK) -> None:
        """Nothing measured yet."""
        self.task, self.land, self.environment, self.trials = task, land, "simulated", 0
        self.sandbox: Any = SimpleNamespace(isolation="container", name="none", run=answered)
        self.isolation = "container"
        self.measured: dict[tuple[str, Split], dict[Seed, Trial]] = {}
        self.guard = threading.Lock()

    def learn(self, split: Split, start: Evaluation) -> None:
        """Nothing takes time here."""

    def evaluate(
        self,
        candidate: Candidate,
        stream: str,
        seeds: Sequence[Seed],
        split: Split = "dev",
        beside: Sequence[Seed] = (),
    ) -> Evaluation:
        """The trials on these seeds; those measured before cost nothing."""
        with self.guard:
            trials = self.measured.setdefault((candidate.digest, split), {})
            missing = [seed for seed in seeds if seed not in trials]
            if missing:
                keys = [seed.train ^ seed.sealed for seed in missing]
                scores = self.land.scores(*read(candidate), keys)
                for seed, score in zip(missing, scores, strict=True):
                    trials[seed] = Trial(
                        seed=seed, status="ok", scores={"hill": score}, score=score
                    )
                self.trials += len(missing)
            return Evaluation(stream=stream, trials=tuple(trials[seed] for seed in seeds))

    def evaluate_all(
        self,
        programs: Mapping[str, Candidate],
        stream: str,
        seeds: Sequence[Seed],
        split: Split = "dev",
        workers: int = 1,
    ) -> dict[str, Evaluation]:
        """The trials of every program, by its name."""
        return {name: self.evaluate(p, stream, seeds, split) for name, p in programs.items()}


def answered(job: Job) -> Result:
    """The reply of a sandbox that only smoke tests: every program behaves in its own way."""
    return Result(status="ok", reply=b"".join(job.files.values()))


@dataclass
class Searched:
    """A simulated search of Ratchet's: the run with its lab, and one row a state.

    A row has the number of candidates, the seeds run, and of the best kept node the true score and
    the claimed one.
    """

    run: Run
    lab: Surveyor
    rows: list[tuple[int, int, float, float]] = field(default_factory=list)

    @property
    def tree(self) -> Tree:
        """The nodes."""
        return self.run.archive.tree(self.run.id)


@contextmanager
def searched(
    land: Landscape,
    more: Callable[[int, int], bool],
    schedule: Literal["adaptive", "fixed"] = "adaptive",
    rule: Rule | None = None,
    planted: Mapping[str, float] = MappingProxyType({}),
    select: Select = dgm,
    turns: int | None = None,
) -> Iterator[Searched]:
    """Run the real search on a landscape while `more(children, seeds)` allows, archive open.

    `planted` are baselines, by their true scores; `turns` are the proposals that it may make.
    """
    task = hills(planted)
    lab = Surveyor(land, task)
    rule = (rule or suited(Rule(), land.rho)).model_copy(update={"glance": 0})  # one workload
    config = Config(
        task="hills",
        agent="walker",
        key=key_from(land.seed),
        novelty=False,
        turns=turns,
        schedule=schedule,
        rule=rule,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Archive(Path(folder) / "archive.db", create=True)) as archive,
    ):
        archive.start_run("run", task, config.model_dump(mode="json"))
        walker = declared(Walker(land), "walker")
        run = Run("run", config, walker, select, lab, archive, 1)  # type: ignore[arg-type]
        simulated = Searched(run, lab)
        states: list[Node] = []
        for node in search(run, lambda tree, turn: more(len(tree.proposals()), lab.trials)):
            states.append(node)
            simulated.rows.append(row(Tree(states), lab.trials))
        yield simulated


def row(tree: Tree, seeds: int) -> tuple[int, int, float, float]:
    """What a run has at one moment."""
    best = tree.best()
    made = len(tree.proposals())
    if best is None:
        return made, seeds, 0.0, 0.0
    return made, seeds, read(best.candidate)[1], tree.ranking[best.number]
