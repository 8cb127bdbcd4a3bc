"""How much of a gain's noise do the graders make? Programs trained once and scored on many draws.

    python bench/grader_noise.py                             every task without a model; an hour
    python bench/grader_noise.py optimizer --seeds 12 --draws 4
    python bench/grader_noise.py optimizer --split transfer
    python bench/grader_noise.py optimizer --examples 2048   with another count on every workload

Two programs of a task train on the same seeds, and each is scored on several sealed draws. What a
seed's gain varies by over its draws is the grader's part of the noise. "before" are the counts of
the first version. The ratio of the variances is that of the seeds that a claim needs. Seconds are
CPU seconds of one core for one seed and both programs.
"""

import argparse
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, NamedTuple

import numpy as np

from ratchet.sandbox import Job, Limits, Program, Sandbox, open_sandbox
from ratchet.tasks import Task, load

# Two programs of each task that are alike: a gain of the size that a search looks for.
LINEAR_WARM = """
def lr_scale(step, total):
    return min(1.0, 20 * (step + 1) / total) * (1 - step / total)
"""
PAIRS: Mapping[str, tuple[str, str]] = {
    "optimizer": ("muon", r"s/^ADAM_LR = .*$/ADAM_LR = 0.0425/"),
    "schedule": ("linear", LINEAR_WARM),
    "policy_objective": ("start", r"s/^CLIP = .*$/CLIP = 0.2/"),
    "research_agent": ("start", "restarts"),
}
EARLIER = {  # what the first version scored on, by task and by how a workload's name begins
    "optimizer": {"teacher": 1024, "": 512},
    "schedule": {"teacher": 512, "": 256},
    "policy_objective": {"cartpole": 16, "": 64},
    "research_agent": {"": 48},
}
COUNTED = """
import json
from dataclasses import replace

import grader


def count(name, examples, picked_by):
    if hasattr(grader, "EPISODES"):
        grader.EPISODES = dict.fromkeys(grader.EPISODES, examples)
    elif hasattr(grader, "REPLICATES"):
        grader.REPLICATES = examples
    elif hasattr(grader, "PICKED_BY"):
        grader.PICKED_BY = picked_by or grader.PICKED_BY
        run = grader.RUNS[name]
        grader.RUNS[name] = replace(run, workload=replace(run.workload, examples=examples))
    else:
        all_of_them = grader.workload.__globals__["WORKLOADS"]
        all_of_them[name] = replace(all_of_them[name], examples=examples)


def run(request, guest):
    line, _, artefact = request.partition(b"\\n")
    asked = json.loads(line)
    examples, picked_by = asked.pop("examples"), asked.pop("picked_by")
    if examples:
        count(asked["workloads"][0], examples, picked_by)
    return grader.run(json.dumps(asked).encode() + b"\\n" + artefact, guest)


warm = grader.warm
"""
Array = np.ndarray[Any, np.dtype[np.float64]]
LIMITS = Limits(wall_seconds=600, memory_mb=8192)


class Scored(NamedTuple):
    """Scores `[seeds, draws]` of one program, and the seconds of a training and of a scoring."""

    scores: Array
    training: float
    scoring: float


class Noise(NamedTuple):
    """The variance of a paired gain, and the grader's part of it."""

    grader: float
    rest: float

    @property
    def variance(self) -> float:
        """Of one gain on one draw."""
        return self.grader + self.rest

    @property
    def share(self) -> float:
        """The grader's part."""
        return self.grader / self.variance if self.variance else 0.0


def noise(gains: Array) -> Noise:
    """Split the variance of gains `[seeds, draws]`: within seeds, and between them."""
    within = float(gains.var(1, ddof=1).mean())
    between = float(gains.mean(1).var(ddof=1)) - within / gains.shape[1]
    return Noise(within, max(0.0, between))


@dataclass(frozen=True)
class Bench:
    """A task, and how it is measured."""

    task: Task
    sandbox: Sandbox
    seeds: int
    draws: int

    def programs(self) -> Iterator[dict[str, bytes]]:
        """The two programs, as the files of a candidate."""
        (name,) = self.task.manifest.editable
        first, second = PAIRS[self.task.name]
        text = self._named(first)[name]
        yield {name: text.encode()}
        if change := re.fullmatch(r"s/(.*)/(.*)/", second):
            text, count = re.subn(change[1], change[2], text, flags=re.MULTILINE)
            assert count == 1, second
            yield {name: text.encode()}
        else:
            yield {name: (second if "\n" in second else self._named(second)[name]).encode()}

    def _named(self, name: str) -> Mapping[str, str]:
        return self.task.start if name == "start" else self.task.baselines[name]

    def numbers(self, purpose: str) -> list[int]:
        """Seeds of a stream that no search uses."""
        rng = Random(f"bench/grader_noise/{purpose}")
        return [rng.getrandbits(63) for _ in range(self.seeds)]

    def trained(self, files: Mapping[str, bytes], workload: str) -> tuple[bytes, float]:
        """The artefact of all seeds on one workload, and its CPU seconds for each."""
        artefacts, spent = [], 0.0
        for seeds in self._jobs(self.numbers("train")):
            request = json.dumps({"workloads": [workload], "seeds": seeds}).encode()
            result = self.sandbox.run(Job(self.task.trainer, request, files, LIMITS))
            assert result.status == "ok", result.log
            artefacts.append(result.reply)
            spent += result.cpu_seconds
        return self._joined(artefacts), spent / self.seeds

    def _jobs(self, seeds: list[int]) -> list[list[int]]:
        most = self.task.manifest.limits.seeds_per_job
        return [seeds[at : at + most] for at in range(0, len(seeds), most)]

    def _joined(self, artefacts: list[bytes]) -> bytes:
        if len(artefacts) == 1:
            return artefacts[0]
        rows = [json.loads(artefact) for artefact in artefacts]  # of agents: texts by workload
        return json.dumps([[text for row in rows for text in row[0]]]).encode()

    def scored(self, files: Mapping[str, bytes], workload: str, examples: int) -> Iterator[Scored]:
        """Train once; score with the count of the first version, and with `examples` (0: now)."""
        artefact, training = self.trained(files, workload)
        grader = self.task.grader
        program = Program(
            {**grader.files, "counted.py": COUNTED.encode()}, "counted", grader.guest, grader.shown
        )
        held = files if grader.guest else {}
        for count, picked_by in ((earlier(self.task.name, workload), 1), (examples, 0)):
            rows, spent = [], 0.0
            for draw in range(self.draws):
                asked = {
                    "workloads": [workload],
                    "seeds": self.numbers("train"),
                    "sealed": self.numbers(f"sealed/{draw}"),
                    "examples": count,
                    "picked_by": picked_by,
                }
                body = json.dumps(asked).encode() + b"\n" + artefact
                result = self.sandbox.run(Job(program, body, held, LIMITS))
                assert result.status == "ok", result.log
                rows.append(json.loads(result.reply)["scores"][workload])
                spent += result.cpu_seconds
            yield Scored(np.array(rows).T, training, spent / self.draws / self.seeds)


def earlier(task: str, workload: str) -> int:
    """How many examples or episodes the first version scored a seed on."""
    return next(count for name, count in EARLIER[task].items() if workload.startswith(name))


def table(bench: Bench, workloads: Sequence[str], examples: int) -> Iterator[str]:
    """A line for each workload, and one for their mean."""
    sums: list[Array] = []
    seconds = np.zeros(3)
    for workload in workloads:
        one, two = (list(bench.scored(files, workload, examples)) for files in bench.programs())
        gains = [a.scores - b.scores for a, b in zip(one, two, strict=True)]
        before, after = map(noise, gains)
        spent = np.array(
            [a.training + b.training for a, b in [(one[0], two[0])]]
            + [a.scoring + b.scoring for a, b in zip(one, two, strict=True)]
        )
        yield row(workload, before, after, spent)
        sums = [s + g for s, g in zip(sums, gains, strict=True)] if sums else gains
        seconds += spent
    before, after = (noise(total / len(workloads)) for total in sums)
    yield row("mean of them", before, after, seconds)


def row(name: str, before: Noise, after: Noise, seconds: Array) -> str:
    """One line of the table."""
    ratio = after.variance / before.variance if before.variance else 1.0
    cells = [
        name,
        f"{before.variance**0.5:.4f}",
        f"{100 * before.share:.0f} %",
        f"{100 * after.share:.0f} %",
        f"{ratio:.2f}",
        *(f"{1000 * value:.1f}" for value in seconds),
        f"{100 * seconds[2] / seconds[0]:.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


HEAD = (
    "workload",
    "sd of a gain, before",
    "grader's share, before",
    "after",
    "variance, after / before",
    "training, ms",
    "scoring, before",
    "after",
    "of training",
)


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tasks", nargs="*", default=list(PAIRS))
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--draws", type=int, default=6)
    parser.add_argument("--split", choices=("dev", "transfer"), default="dev")
    parser.add_argument("--workload", nargs="*", help="these alone")
    parser.add_argument("--examples", type=int, default=0)
    asked = parser.parse_args()
    show = partial(print, flush=True)
    with closing(open_sandbox("process", 1, accept_unisolated=True)) as sandbox:
        for name in asked.tasks:
            bench = Bench(load(name), sandbox, asked.seeds, asked.draws)
            workloads = asked.workload or getattr(bench.task.manifest.workloads, asked.split)
            show(f"\n{name}, {asked.seeds} seeds, {asked.draws} draws")
            show(f"\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
            for line in table(bench, workloads, asked.examples):
                show(line)


if __name__ == "__main__":
    main()
