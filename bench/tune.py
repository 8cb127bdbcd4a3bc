"""Choose the baselines' constants by one rule for all, and print the tables of a task's README.

    python bench/tune.py optimizer              every method's grid, then the tables
    python bench/tune.py optimizer muon lion    some methods' grids
    python bench/tune.py optimizer tables       the tables, from the constants in the files
    python bench/tune.py policy_objective published    the published constants

The grids are in tasks/TASK/grids.toml: one set of constants a method for all development workloads;
the best mean score over the tuning seeds wins. Tuning seeds and the tables' come from streams of
their own that no search uses.
"""

import argparse
import itertools
import re
import statistics
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from random import Random
from typing import Any

from ratchet.evals import Candidate, Evaluation, Seed, Split, measure
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.tasks import Task, load

SEEDS_PER_JOB = 16


@dataclass(frozen=True)
class Bench:
    """A task, its grids, and a sandbox to measure in."""

    task: Task
    grids: Mapping[str, Any]
    sandbox: Sandbox

    def source(self, method: str, constants: Mapping[str, float] | None = None) -> Candidate:
        """A method's program, with other values for some of its constants."""
        files = dict(self.task.start if method == "start" else self.task.baselines[method])
        (name,) = files
        for constant, value in (constants or {}).items():
            files[name], changed = re.subn(
                rf"(?m)^{constant} = .*$", f"{constant} = {value}", files[name]
            )
            assert changed == 1, f"{method} has no constant {constant}"
        return Candidate(files=files, idea=method, proposer="tune")

    def seeds(self, purpose: str, count: int) -> list[Seed]:
        """Seeds of a stream of their own."""
        train, sealed = (Random(f"{self.task.name}/{word}") for word in (purpose, "sealed"))
        return [
            Seed(train=train.getrandbits(63), sealed=sealed.getrandbits(63)) for _ in range(count)
        ]

    def evaluate(self, candidate: Candidate, seeds: Sequence[Seed], split: Split) -> Evaluation:
        """The candidate on every seed."""
        trials = [
            trial
            for at in range(0, len(seeds), SEEDS_PER_JOB)
            for trial in measure(
                candidate, self.task, self.sandbox, seeds[at : at + SEEDS_PER_JOB], split
            )
        ]
        return Evaluation(stream="tune", trials=tuple(trials))


def tune(bench: Bench, method: str, pool: ThreadPoolExecutor) -> None:
    """Print the grid's best constants and the runners-up."""
    metric, grid = bench.task.metric, bench.grids["grid"][method]
    points = [dict(zip(grid, point, strict=True)) for point in itertools.product(*grid.values())]
    seeds = bench.seeds("tuning", bench.grids["seeds"]["tuning"])
    evaluations = pool.map(
        lambda point: bench.evaluate(bench.source(method, point), seeds, "dev"), points
    )
    scored = [
        (statistics.mean(evaluation.values(metric.worst)), point)
        for evaluation, point in zip(evaluations, points, strict=True)
    ]
    scored.sort(key=lambda pair: metric.gain(0.0, pair[0]))
    for score, point in scored[:4]:
        edge = any(value in (grid[n][0], grid[n][-1]) for n, value in point.items())
        print(f"{method}: {score:.4f} {point}{' (edge of the grid)' if edge else ''}", flush=True)


def table(
    bench: Bench, split: Split, purpose: str, published: bool, pool: ThreadPoolExecutor
) -> None:
    """Print scores, gains over the start with both kinds of seeds needed, and cost."""
    workloads = getattr(bench.task.manifest.workloads, split)
    head = ["method", *workloads, "score", "sd", "gain", "paired sd", "rho", "pairs", "unpaired"]
    print(f"\n| {' | '.join([*head, 'CPU s'])} |\n|{'---|' * (len(head) + 1)}")
    methods = bench.grids["published" if published else "grid"]
    seeds = bench.seeds(purpose, bench.grids["seeds"][split])
    programs = [bench.source(m, methods[m] if published else None) for m in methods]
    evaluations = pool.map(lambda program: bench.evaluate(program, seeds, split), programs)
    start: Evaluation | None = None
    for method, evaluation in zip(methods, evaluations, strict=True):
        start = start or evaluation
        cells = [method, *row(bench.task, workloads, evaluation, start)]
        spent = sum(trial.seconds for trial in evaluation.trials) * 16 / len(seeds)
        print(f"| {' | '.join([*cells, f'{spent:.1f}'])} |", flush=True)


def row(task: Task, workloads: Sequence[str], own: Evaluation, start: Evaluation) -> Iterator[str]:
    """The cells of one method, from its workloads' means on."""
    worst = task.metric.worst
    for workload in workloads:
        values = own.values(worst, workload)
        yield f"{statistics.mean(values):.3f} ({statistics.stdev(values):.2f})"
    scores, reference = own.values(worst), start.values(worst)
    yield f"**{statistics.mean(scores):.4f}**"
    yield f"{statistics.stdev(scores):.3f}"
    if own is start:
        yield from [""] * 5
        return
    gains = [task.metric.gain(a, b) for a, b in zip(scores, reference, strict=True)]
    gain, paired = statistics.mean(gains), statistics.variance(gains)
    yield f"{gain:+.4f}"
    yield f"{paired**0.5:.4f}"
    yield f"{statistics.correlation(scores, reference):.2f}"
    yield needed(gain, paired)
    yield needed(gain, statistics.variance(scores) + statistics.variance(reference))


def needed(gain: float, variance: float) -> str:
    """Seeds for 80 % power at a one-sided 5 % level (normal approximation), at least two."""
    return str(max(2, int((1.645 + 0.842) ** 2 * variance / gain**2) + 1))


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task")
    parser.add_argument(
        "what", nargs="*", help="methods, tables, published; else all grids, tables"
    )
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    task = load(asked.task)
    grids = tomllib.loads(task.files["grids.toml"].decode())
    with (
        closing(open_sandbox("process", asked.workers, accept_unisolated=True)) as sandbox,
        ThreadPoolExecutor(asked.workers) as pool,
    ):
        bench = Bench(task, grids, sandbox)
        for target in asked.what or [*grids["grid"], "tables"]:
            if target == "tables":
                table(bench, "dev", "table", False, pool)
                table(bench, "transfer", "table", False, pool)
            elif target == "published":
                table(bench, "dev", "published", True, pool)
            else:
                tune(bench, target, pool)


if __name__ == "__main__":
    main()
