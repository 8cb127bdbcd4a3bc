"""Choose each baseline's constants: one set for all development workloads, the same rule for all.

    python tasks/schedule/tune.py              # every method's grid, then both tables
    python tasks/schedule/tune.py wsd          # one method's grid
    python tasks/schedule/tune.py table        # the README's tables, from the files

Every method gets four values of its one constant, if it has one; the best mean score over 32
tuning seeds wins. Tuning seeds and the tables' come from streams of their own that no search uses.
Programs run unboxed: they are ours.
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
GRIDS = {
    "start": {"WARMUP": (0.02, 0.05, 0.1, 0.2)},
    "constant": {},
    "linear": {},
    "cosine": {},
    "rex": {"SHAPE": (0.25, 0.5, 0.75, 0.9)},
    "wsd": {"COOLDOWN": (0.1, 0.2, 0.4, 0.6)},
    "one_sqrt": {"COOLDOWN": (0.1, 0.2, 0.4, 0.6)},
}


def seeds(purpose, count):
    """Seeds of a stream of their own."""
    random = Random(f"schedule/{purpose}")
    return [random.getrandbits(63) for _ in range(count)]


def source(method):
    """A method's program text."""
    folder = "start" if method == "start" else f"baselines/{method}"
    return (HERE / folder / "schedule.py").read_text()


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
            Path(workspace, "schedule.py").write_text(text)
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
        scores, _ = evaluate(text, seeds("tuning", 32), TASK["workloads"]["dev"])
        found.append((statistics.mean(per_seed(scores)), constants, scores))
    found.sort(key=lambda each: each[0])
    for score, constants, scores in found[:4]:
        cells = "  ".join(f"{n} {statistics.mean(each):.4f}" for n, each in scores.items())
        print(f"{method}: {score:.4f} {constants} {cells}", flush=True)


def table(split, count):
    """Print mean (seed sd) per workload and differences to the start, on the table's seeds."""
    names = TASK["workloads"][split]
    head = [
        "method",
        *names,
        "score",
        "seed sd",
        "- start",
        "paired sd",
        "rho",
        "seeds needed",
        "CPU s",
    ]
    print("", f"| {' | '.join(head)} |", "|---" * len(head) + "|", sep="\n", flush=True)
    reference = None
    for method in GRIDS:
        scores, spent = evaluate(source(method), seeds("table", count), names)
        own = per_seed(scores)
        cells = [f"{statistics.mean(v):.3f} ({statistics.stdev(v):.3f})" for v in scores.values()]
        row = [method, *cells, f"**{statistics.mean(own):.4f}**", f"{statistics.stdev(own):.4f}"]
        row += compare(own, reference) if reference else [""] * 4
        reference = reference or own
        print(f"| {' | '.join(row)} | {spent:.1f} |", flush=True)


def compare(own, reference):
    """Difference to the reference, paired sd, the pairing's correlation, seeds for 80 %."""
    gaps = [a - b for a, b in zip(own, reference, strict=True)]
    gap, spread = statistics.mean(gaps), statistics.stdev(gaps)
    rho = statistics.correlation(own, reference)
    needed = max(2, int(((1.645 + 0.842) * spread / gap) ** 2) + 1)
    return [f"{gap:+.4f}", f"{spread:.4f}", f"{rho:.2f}", str(needed)]


def per_seed(scores):
    """Mean over workloads, for each seed."""
    return [statistics.mean(column) for column in zip(*scores.values(), strict=True)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in sys.argv[1:] or [*filter(GRIDS.get, GRIDS), "table"]:
        if each == "table":
            table("dev", 64)
            table("transfer", 32)
        else:
            tune(each)
