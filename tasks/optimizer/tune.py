"""Choose each baseline's constants: one set for all development workloads, the same rule for all.

    python tasks/optimizer/tune.py             # every method's grid, then the table of the README
    python tasks/optimizer/tune.py muon lion   # some methods' grids
    python tasks/optimizer/tune.py table       # the table, from the constants in the files

Every method gets a grid of 27 points, placed around the best of a wider and coarser one: three
learning rates by nine values of two other constants. The best mean score over eight tuning seeds
wins; a winner on the grid's edge is marked. Tuning seeds, and the table's, come from streams of
their own that no search uses. Programs run unboxed: they are ours.
"""

import itertools
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "library"), str(HERE)]

import grader  # noqa: E402
import torch  # noqa: E402
import trainer  # noqa: E402

MEMORY = (0.7, 0.8, 0.9)
GRIDS = {
    "start": {"LR": (0.02, 0.03, 0.045), "BETA1": (0.5, 0.6, 0.7), "BETA2": MEMORY},
    "sgd_nesterov": {
        "LR": (0.2, 0.3, 0.45),
        "MOMENTUM": (0.85, 0.9, 0.95),
        "WARMUP": (0.01, 0.02, 0.05),
    },
    "nadamw": {"LR": (0.02, 0.03, 0.045), "BETA1": (0.6, 0.7, 0.8), "BETA2": MEMORY},
    "lion": {"LR": (0.012, 0.018, 0.027), "BETA1": (0.5, 0.6, 0.7), "BETA2": MEMORY},
    "muon": {"LR": (0.12, 0.18, 0.27), "ADAM_LR": (0.02, 0.03, 0.05), "MOMENTUM": (0.5, 0.6, 0.7)},
    "schedule_free": {"LR": (0.03, 0.04, 0.06), "BETA1": MEMORY, "BETA2": (0.6, 0.7, 0.8)},
}


def seeds(purpose, count):
    """Seeds of a stream of their own."""
    random = Random(f"optimizer/{purpose}")
    return [random.getrandbits(63) for _ in range(count)]


def source(method):
    """A method's program text."""
    folder = "start" if method == "start" else f"baselines/{method}"
    return (HERE / folder / "optimizer.py").read_text()


def with_constants(text, constants):
    """The program with other values for some of its constants."""
    for name, value in constants.items():
        text, changed = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert changed == 1, f"no constant {name}"
    return text


def evaluate(text, train_seeds, names=trainer.WARM):
    """Score of every seed on every workload, and CPU-seconds of training."""
    with tempfile.TemporaryDirectory() as workspace:
        Path(workspace, "optimizer.py").write_text(text)
        request = {"workloads": names, "seeds": train_seeds}
        start = time.process_time()
        artefact = trainer.run(json.dumps(request).encode(), workspace)
        spent = time.process_time() - start
    sealed = {**request, "sealed": seeds("sealed", len(train_seeds))}
    reply = grader.run(json.dumps(sealed).encode() + b"\n" + artefact, "")
    graded = json.loads(reply)["scores"]
    worst = grader.WORST
    return {n: [worst if v is None else v for v in graded[n]] for n in names}, spent


def per_seed(scores):
    """Mean over workloads, for each seed."""
    return [statistics.mean(column) for column in zip(*scores.values(), strict=True)]


def tune(method):
    """Print the grid's best constants and the runners-up."""
    grid, text, found = GRIDS[method], source(method), []
    for values in itertools.product(*grid.values()):
        constants = dict(zip(grid, values, strict=True))
        scores, _ = evaluate(with_constants(text, constants), seeds("tuning", 8))
        means = {name: statistics.mean(each) for name, each in scores.items()}
        found.append((statistics.mean(means.values()), constants, means))
    found.sort(key=lambda each: each[0])
    for score, constants, means in found[:4]:
        edges = [n for n, v in constants.items() if v in (grid[n][0], grid[n][-1])]
        by_workload = "  ".join(f"{n} {m:.3f}" for n, m in means.items())
        print(
            f"{method}: {score:.4f} {constants} {by_workload}{' EDGE' if edges else ''}", flush=True
        )


def table(count=32):
    """Print scores, paired gains over the start and CPU-seconds, on the table's seeds."""
    columns = ["method", *trainer.WARM, "score", "sd", "gain", "paired sd", "rho", "n", "CPU s"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    trainer.warm()
    reference = []
    for method in GRIDS:
        scores, spent = evaluate(source(method), seeds("table", count))
        own = per_seed(scores)
        row = [method, *(f"{statistics.mean(each):.3f}" for each in scores.values())]
        row += [f"{statistics.mean(own):.4f}", f"{statistics.stdev(own):.4f}"]
        row += compare(own, reference) if reference else [""] * 4
        reference = reference or own
        print(f"| {' | '.join(row)} | {spent:.1f} |", flush=True)


def compare(own, reference):
    """Gain over the reference, its paired deviation, correlation, and pairs needed to show it."""
    difference = [b - a for a, b in zip(own, reference, strict=True)]
    gain, paired = statistics.mean(difference), statistics.stdev(difference)
    rho = statistics.correlation(own, reference)
    return [f"{gain:+.4f}", f"{paired:.4f}", f"{rho:.2f}", f"{needed(gain, paired)}"]


def needed(effect, paired_sd):
    """Pairs for 80 % power at a one-sided 5 % level (normal approximation), at least two."""
    return max(2, int(((1.645 + 0.842) * paired_sd / effect) ** 2) + 1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    chosen = sys.argv[1:] or [*GRIDS, "table"]
    for each in chosen:
        table() if each == "table" else tune(each)
