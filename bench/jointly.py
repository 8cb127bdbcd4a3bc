"""What tuning all constants of a program together costs, and what it gains.

    python bench/jointly.py                             the best baseline of `optimizer`
    python bench/jointly.py --task policy_objective --times 3

The first table has how many settings of the constants are measured in a minute: one by one, and
side by side in one job, on one seed each. The second tunes the program as a search does, and
measures what comes of it beside the program itself on fresh seeds: on the workloads that tuning
saw, and on those that no search sees. Gains are in the metric's unit, with standard errors.
"""

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from harness import mean_error, save

from ratchet.agents.evolve.settings import Tunable, tunable
from ratchet.archive import Archive
from ratchet.evals import Candidate, Keys, Split, draw, judge, measure
from ratchet.evals.lanes import measure_settings
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.search.lab import Lab
from ratchet.search.tune import POPULATION, Tuner
from ratchet.tasks import Task, load

FRESH: dict[Split, int] = {"dev": 64, "transfer": 16}
RANK = 16  # seeds by which the best baseline is space


def best(lab: Lab, keys: Keys) -> tuple[str, Candidate]:
    """The start or the baseline of the best score."""
    seeds = draw(keys, "rank", RANK)
    files = {"start": lab.task.start, **lab.task.baselines}
    programs = {n: Candidate(files=f, idea=n, proposer="task") for n, f in files.items()}
    evaluations = lab.evaluate_all(programs, "rank", seeds)
    metric = lab.task.metric
    scores = {n: metric.gain(sum(e.values(metric.worst)), 0.0) for n, e in evaluations.items()}
    name = max(scores, key=scores.__getitem__)
    return name, programs[name]


def paces(program: Candidate, space: Tunable, task: Task, sandbox: Sandbox) -> tuple[float, float]:
    """Settings in a minute, one by one and side by side, each on one seed."""
    rng, seeds = Random(1), draw(Keys.fresh(), "pace", 1)
    settings = [
        {c.name: c.moved(rng.gauss(0.0, 0.2)) for c in space.constants} for _ in range(POPULATION)
    ]
    with ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        candidates = [space.candidate(program, setting) for setting in settings]
        list(pool.map(lambda candidate: measure(candidate, task, sandbox, seeds), candidates))
        alone = time.monotonic() - began
        began = time.monotonic()
        measure_settings(space.whole(program), task, sandbox, settings, seeds, pool)
        together = time.monotonic() - began
    return 60 * len(settings) / alone, 60 * len(settings) / together


def tuned(lab: Lab, keys: Keys, program: Candidate, number: int) -> tuple[Candidate, Tuner]:
    """The program as a search would tune it for its node of that number."""
    run: Any = SimpleNamespace(lab=lab, task=lab.task, workers=2, config=SimpleNamespace(keys=keys))
    node: Any = SimpleNamespace(candidate=program, number=0, tuning=None)
    tuner = Tuner(run, number, node, node)
    brief: Any = SimpleNamespace(task=lab.task, rng=Random(number))
    return tuner.propose(brief), tuner


def gain(
    lab: Lab, keys: Keys, child: Candidate, parent: Candidate, split: Split
) -> Sequence[float]:
    """The child's gains over its parent on fresh seeds, in pairs."""
    seeds = draw(keys, "fresh", FRESH[split])
    both = lab.evaluate_all({"child": child, "parent": parent}, "fresh", seeds, split)
    return judge.gains(both["child"], both["parent"], lab.task.metric)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", default="optimizer")
    parser.add_argument("--times", type=int, default=1, help="how often it is tuned anew")
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--json", help="write the figures here")
    asked = parser.parse_args()
    task, figures = load(asked.task), list[dict[str, Any]]()
    sandbox = open_sandbox(asked.sandbox, 2)
    with TemporaryDirectory() as folder:
        keys = Keys.fresh()
        lab = Lab(task.keyed(keys.data), sandbox, Archive(Path(folder) / "a.db", create=True))
        name, program = best(lab, keys)
        space = tunable(program, task.motifs, task.manifest.probe)
        if space is None:
            raise SystemExit(f"{name} of {task.name} has no constants to tune")
        alone, together = paces(program, space, lab.task, sandbox)
        print(f"{name}, settings in a minute: {alone:.0f} one by one, {together:.0f} side by side")
        print(f"{together / alone:.1f} times as many\n")
        print("| time | constants | trials | CPU s | gain, dev | gain, transfer |")
        print("| --- | --- | --- | --- | --- | --- |")
        for number in range(1, asked.times + 1):
            child, tuner = tuned(lab, keys, program, number)
            gains = {split: mean_error(gain(lab, keys, child, program, split)) for split in FRESH}
            record = tuner.record
            cells = [f"{mean:+.4f} ± {error:.4f}" for mean, error in gains.values()]
            row = f"| {number} | {record.constants} | {record.trials} | {record.seconds:.0f} | "
            print(row + " | ".join(cells) + " |", flush=True)
            figures.append({**record.model_dump(), "gains": gains, "idea": child.idea})
    sandbox.close()
    save(asked, {"paces": [alone, together], "tuned": figures})


if __name__ == "__main__":
    main()
