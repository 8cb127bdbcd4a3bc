"""Choose each baseline's constants: one set for all development workloads, the same rule for all.

    python tasks/policy_objective/tune.py              # every method's grid, then both tables
    python tasks/policy_objective/tune.py kl_penalty   # one method's grid
    python tasks/policy_objective/tune.py table        # the README's tables, from the files
    python tasks/policy_objective/tune.py published    # the published constants against PPO's

Every method gets the same three entropy weights times four values of its own constant, if it has
one; the best mean score over 16 tuning seeds wins. Tuning seeds and the tables' come from streams
of their own that no search uses. Programs run unboxed: they are ours.
"""

import itertools
import json
import re
import statistics
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "library"), str(HERE)]

import grader  # noqa: E402
import torch  # noqa: E402
import trainer  # noqa: E402

TASK = tomllib.loads((HERE / "task.toml").read_text())
WORST = TASK["metric"]["worst"]
WEIGHTS = {"ENTROPY": (0.0, 0.01, 0.03)}
GRIDS = {
    "start": {"CLIP": (0.1, 0.2, 0.3, 0.4), **WEIGHTS},
    "none": WEIGHTS,
    "clip_higher": {"CLIP_HIGH": (0.24, 0.28, 0.4, 0.6), **WEIGHTS},
    "kl_penalty": {"PENALTY": (0.3, 1.0, 3.0, 10.0), **WEIGHTS},
    "dpo_drift": {"BETA": (0.3, 0.6, 1.2, 2.4), **WEIGHTS},
}
PUBLISHED = {
    "start": {"CLIP": 0.2, "ENTROPY": 0.01},
    "none": {"ENTROPY": 0.01},
    "clip_higher": {"CLIP_HIGH": 0.28, "ENTROPY": 0.01},
    "kl_penalty": {"PENALTY": 1.0, "ENTROPY": 0.01},
    "dpo_drift": {"BETA": 0.6, "ENTROPY": 0.01},
}


def seeds(purpose, count):
    """Seeds of a stream of their own."""
    random = Random(f"policy_objective/{purpose}")
    return [random.getrandbits(63) for _ in range(count)]


def source(method):
    """A method's program text."""
    folder = "start" if method == "start" else f"baselines/{method}"
    return (HERE / folder / "objective.py").read_text()


def with_constants(text, constants):
    """The program with other values for some of its constants."""
    for name, value in constants.items():
        text, changed = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert changed == 1, f"no constant {name}"
    return text


def evaluate(text, train_seeds, names, step=16):
    """Score of every seed on every workload, and CPU-seconds of training per 16 seeds."""
    scores, spent = {name: [] for name in names}, 0.0
    sealed = seeds("sealed", len(train_seeds))
    for i in range(0, len(train_seeds), step):
        request = {"workloads": names, "seeds": train_seeds[i : i + step]}
        with tempfile.TemporaryDirectory() as workspace:
            Path(workspace, "objective.py").write_text(text)
            start = time.process_time()
            artefact = trainer.run(json.dumps(request).encode(), workspace)
            spent += time.process_time() - start
        line = json.dumps({**request, "sealed": sealed[i : i + step]}).encode()
        graded = json.loads(grader.run(line + b"\n" + artefact, ""))["scores"]
        for name in names:
            scores[name] += [WORST if v is None else v for v in graded[name]]
    return scores, spent * 16 / len(train_seeds)


def tune(method):
    """Print the grid's best constants and the runners-up."""
    grid, found = GRIDS[method], []
    for values in itertools.product(*grid.values()):
        constants = dict(zip(grid, values, strict=True))
        text = with_constants(source(method), constants)
        scores, _ = evaluate(text, seeds("tuning", 16), TASK["workloads"]["dev"])
        found.append((statistics.mean(per_seed(scores)), constants, scores))
    found.sort(key=lambda each: -each[0])
    for score, constants, scores in found[:4]:
        cells = "  ".join(f"{n} {statistics.mean(each):.3f}" for n, each in scores.items())
        print(f"{method}: {score:.4f} {constants} {cells}", flush=True)


def table(split, count):
    """Print mean (seed sd) per workload and differences to the start, on the table's seeds."""
    names = TASK["workloads"][split]
    head = ["method", *names, "score", "seed sd", "- start", "se", "rho", "seeds needed", "CPU s"]
    print("", f"| {' | '.join(head)} |", "|---" * len(head) + "|", sep="\n", flush=True)
    reference = None
    for method in GRIDS:
        scores, spent = evaluate(source(method), seeds("table", count), names)
        own = per_seed(scores)
        cells = [f"{statistics.mean(v):.3f} ({statistics.stdev(v):.2f})" for v in scores.values()]
        row = [method, *cells, f"**{statistics.mean(own):.3f}**", f"{statistics.stdev(own):.3f}"]
        row += compare(own, reference) if reference else [""] * 4
        reference = reference or own
        print(f"| {' | '.join(row)} | {spent:.1f} |", flush=True)


def published(name, count=64):
    """Print each method at its published constants, and Welch's z against PPO, on one workload."""
    reference = None
    for method, constants in PUBLISHED.items():
        text = with_constants(source(method), constants)
        own = evaluate(text, seeds("published", count), [name])[0][name]
        reference = reference or own
        gain = statistics.mean(own) - statistics.mean(reference)
        error = ((statistics.variance(own) + statistics.variance(reference)) / count) ** 0.5
        print(f"{name} {method}: {statistics.mean(own):.3f} {gain:+.3f} z = {gain / error:.1f}")


def compare(own, reference):
    """Gain over the reference, its standard error, the pairing's correlation, seeds for 80 %."""
    gain = statistics.mean(own) - statistics.mean(reference)
    variance = statistics.variance(own) + statistics.variance(reference)
    rho = statistics.correlation(own, reference)
    needed = max(2, int((1.645 + 0.842) ** 2 * variance / gain**2) + 1)
    return [f"{gain:+.3f}", f"{(variance / len(own)) ** 0.5:.3f}", f"{rho:.2f}", str(needed)]


def per_seed(scores):
    """Mean over workloads, for each seed."""
    return [statistics.mean(column) for column in zip(*scores.values(), strict=True)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[1:] or [*GRIDS, "table"]:
        if each == "table":
            table("dev", 64)
            table("transfer", 32)
        elif each == "published":
            for name in ("catch", "cartpole_few"):
                published(name)
        else:
            tune(each)
