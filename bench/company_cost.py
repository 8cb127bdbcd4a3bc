"""What does it cost a search to repeat seeds in other company?

    python bench/company_cost.py optimizer --minutes 4.5

Runs a search with `evolver`. Prints the seconds that its jobs took, in all and for what was
repeated.
"""

import argparse
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from statistics import linear_regression
from typing import NamedTuple

from company import begun

from ratchet.agents import evolver
from ratchet.evals import Candidate, Evaluation, Seed, Split, Trial
from ratchet.evals.company import Company
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.tasks import Task, load


class Look(NamedTuple):
    """One look of a screen or a confirmation: its seeds, those that rode along, and seconds."""

    split: Split
    seeds: int
    beside: int
    seconds: float


class Clocked(Lab):
    """A lab that keeps how long its looks and its repeats took, in seconds."""

    def __init__(self, *arguments: object, **options: object) -> None:
        """Nothing measured yet."""
        self.looks, self.repeated = list[Look](), list[float]()
        self.clock = threading.Lock()
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def _evaluate(
        self,
        candidate: Candidate,
        stream: str,
        seeds: Sequence[Seed],
        split: Split,
        beside: Sequence[Seed],
        redrawn: Sequence[Seed],
    ) -> Evaluation:
        before, began = self.trials, time.monotonic()
        evaluation = super()._evaluate(candidate, stream, seeds, split, beside, redrawn)
        if (count := self.trials - before) > 0:
            with self.clock:
                seconds = time.monotonic() - began
                self.looks.append(Look(split, count, len(beside), seconds))
        return evaluation

    def repeat(self, candidate: Candidate, company: Company, split: Split = "dev") -> list[Trial]:
        """As the lab does, by the clock."""
        began = time.monotonic()
        trials = super().repeat(candidate, company, split)
        with self.clock:
            self.repeated.append(time.monotonic() - began)
        return trials

    @property
    def riding(self) -> float:
        """Seconds that riding along cost: what one seed more costs by a straight line, per split.

        Seeds train side by side, so that one more costs less than its share of a job.
        """
        seconds = 0.0
        for split in {look.split for look in self.looks}:
            own = [look for look in self.looks if look.split == split]
            counts = [look.seeds + look.beside for look in own]
            if len(set(counts)) > 1:
                slope = linear_regression(counts, [look.seconds for look in own]).slope
                seconds += max(0.0, slope) * sum(look.beside for look in own)
        return seconds


def cost(task: Task, minutes: float, sandbox: Sandbox) -> str:
    """One line on what a search with `evolver` spends on repeats."""
    with begun(task, evolver.create(), sandbox, lab=Clocked) as run:
        run.lab.charge(run.budget)
        run.budget.begin(60 * minutes)
        nodes = len(list(search(run, lambda tree, turn: True)))
        lab = run.lab
        assert isinstance(lab, Clocked)
    repeats, riding = sum(lab.repeated), lab.riding
    whole = sum(look.seconds for look in lab.looks) + repeats
    return (
        f"{task.name}: {nodes} states, {whole:.1f} s of jobs, of them {repeats:.1f} s for "
        f"{len(lab.repeated)} repeats and about {riding:.1f} s for seeds that rode along: "
        f"{100 * (repeats + riding) / whole:.1f} %"
    )


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("task")
    parser.add_argument("--minutes", type=float, default=4.5)
    parser.add_argument("--sandbox", default="auto")
    asked = parser.parse_args()
    with closing(open_sandbox(asked.sandbox, 2)) as sandbox:
        print(cost(load(asked.task), asked.minutes, sandbox))


if __name__ == "__main__":
    main()
