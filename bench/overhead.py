"""What does isolation cost? Overhead of an evaluation in each sandbox and in the usual ways.

    python bench/overhead.py                      1000 trials a sandbox; some minutes
    python bench/overhead.py --count 100 --slow 5

An evaluation is one seed of one candidate: a new one each time, as a search has it, or the same one
again, as a confirmation has it. Overhead is the host's round trip less the seconds the
job itself says it trained for. The job is either nothing, or torch training for 0.2 s. All are
measured in this one run, and the ratios are to a fresh Python process that imports torch and to
`docker run`. Last, a whole search of a cheap task in each sandbox, by the clock on the wall.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path

from ratchet.sandbox import Job, Program, Sandbox

GUEST = b"""
def answer(message, memory):
    return message
"""
TRAIN = """
import time
import torch

def train(seconds):
    torch.set_num_threads(1)
    start = time.perf_counter()
    w = torch.zeros(64, 64, requires_grad=True)
    x = torch.ones(64, 64)
    while time.perf_counter() - start < seconds:
        (g,) = torch.autograd.grad(((x @ w) - x).square().mean(), w)
        w = (w - 0.1 * g).detach().requires_grad_()
    return time.perf_counter() - start
"""
TRAINER = (
    TRAIN
    + """
def warm():
    train(0.01)

def run(request, guest):
    guest.ask(b"")
    return str(train(float(request)) if float(request) else 0.0).encode()
"""
)
PROGRAM = Program({"trainer.py": TRAINER.encode(), "guest.py": GUEST}, "trainer", "guest")
FRESH = (
    TRAIN + "\nimport sys\nseconds = float(sys.argv[1])\nprint(train(seconds) if seconds else 0.0)"
)

Evaluate = Callable[[float], float]


@dataclass(frozen=True)
class Row:
    """Milliseconds of overhead of one way to evaluate."""

    way: str
    job: str
    overheads: list[float]

    def __str__(self) -> str:
        """Smallest, median and 95th percentile."""
        ranked = sorted(self.overheads)
        late = ranked[int(0.95 * (len(ranked) - 1))]
        return (
            f"{self.way:28s} {self.job:10s} {len(ranked):5d}  {ranked[0]:8.1f} "
            f"{statistics.median(ranked):8.1f} {late:8.1f}"
        )


def timed(evaluate: Evaluate, seconds: float, repeats: int) -> list[float]:
    """Overhead in milliseconds of so many trials, one after the other."""
    overheads = []
    for _ in range(repeats):
        start = time.perf_counter()
        trained = evaluate(seconds)
        overheads.append((time.perf_counter() - start - trained) * 1000)
    return overheads


def sandboxed(backend: Sandbox, candidate: bytes = b"", new: bool = False) -> Evaluate:
    """An evaluation in one of Ratchet's sandboxes, of a candidate that is `new` every time or not.

    A fast row of new candidates uses up what a sandbox made ahead, so what it makes is counted.
    """
    numbers = count()

    def evaluate(seconds: float) -> float:
        source = b"# %d" % next(numbers) if new else candidate
        result = backend.run(Job(PROGRAM, str(seconds).encode(), {"candidate.py": source}))
        assert result.status == "ok", result.log
        return float(result.reply)

    return evaluate


def fresh_process(seconds: float) -> float:
    """What most search systems do: a Python process for each evaluation."""
    command = [sys.executable, "-c", FRESH, str(seconds)]
    return float(subprocess.run(command, capture_output=True, check=True).stdout)


def fresh_container(image: str) -> Evaluate:
    """A container for each evaluation, without any hardening but the lack of a network."""

    def evaluate(seconds: float) -> float:
        command = ["docker", "run", "--rm", "--network", "none", "-e", "OMP_NUM_THREADS=1"]
        command += ["-e", "PYTHONPATH=/opt/ratchet/site", image, "/usr/local/bin/python3", "-c"]
        done = subprocess.run([*command, FRESH, str(seconds)], capture_output=True, check=True)
        return float(done.stdout)

    return evaluate


def train_and_tell(line: "multiprocessing.connection.Connection", seconds: float) -> None:
    """One evaluation of the fork server."""
    space: dict[str, Evaluate] = {}
    exec(TRAIN, space)
    line.send(space["train"](seconds) if seconds else 0.0)


def fork_server(seconds: float) -> float:
    """The standard library's fork server, with torch loaded in it."""
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=train_and_tell, args=(there, seconds))
    process.start()
    trained: float = here.recv()
    process.join()
    return trained


@contextmanager
def opened(name: str) -> Iterator[Sandbox]:
    """A backend with boxes for two workers."""
    with closing(import_module(f"ratchet.sandbox.{name}").create(2)) as backend:
        yield backend


def share_in_training(backend: Sandbox, seconds: float, jobs: int) -> float:
    """The part of the wall time of two workers that was training, on jobs of so many seconds."""
    with ThreadPoolExecutor(2) as threads:
        evaluates = [sandboxed(backend, b"%d" % number) for number in range(2)]
        for evaluate in evaluates:
            evaluate(0.0)
        start = time.perf_counter()
        trained = threads.map(lambda n: evaluates[n % 2](seconds), range(jobs))
        total: float = sum(trained)
    return total / (2 * (time.perf_counter() - start))


def searched(name: str, turns: int) -> float:
    """Seconds of a whole search of the toy task of the tests in one sandbox, as a user runs it."""
    tests = Path(__file__).parents[1] / "tests"
    environment = {**os.environ, "PYTHONPATH": str(tests)}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from ratchet.app.cli.main import main; main()", "search"]
        command += [str(tests / "bowl"), "--agent", "stand_ins.tweak"]
        command += ["--sandbox", name, "--turns", str(turns), "--seed", "5", "--secret", "0" * 32]
        command += ["--archive", str(Path(folder, "archive.db"))]
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
        return time.perf_counter() - start


def with_nodes(backend: Sandbox, nodes: int) -> list[float]:
    """Milliseconds of an evaluation on the toy task of the tests, archived among so many nodes."""
    # The fork server's children import this file again, so its head names only what they need.
    from ratchet.archive import Archive, Node
    from ratchet.evals import Candidate, Verdict, draw, fresh_key
    from ratchet.evals.seeds import Keys
    from ratchet.search.lab import Lab
    from ratchet.tasks import load

    def some_node(number: int) -> Node:
        """A node like thousands of others."""
        text = {name: f"{source}\n# {number}\n" for name, source in lab.start.files.items()}
        return Node(
            run="many",
            number=number,
            turn=number,
            parent=number - 1 if number else None,
            kind="candidate",
            name="filler",
            candidate=Candidate(files=text, idea="", proposer="bench"),
            canonical=str(number),
            behaviour=None,
            verdict=Verdict(standing="no gain", reason="one of many"),
            environment=lab.environment,
            isolation=backend.isolation,
        )

    task = load(str(Path(__file__).parents[1] / "tests" / "bowl"))
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder, "archive.db"), create=True)
        archive.start_run("many", task, {"task": task.name})
        lab = Lab(task, backend, archive)
        for number in range(nodes):
            archive.add(some_node(number))
        keys = Keys(fresh_key(), fresh_key())
        seeds = draw(keys, "search/1", 200)
        durations = []
        for seed in seeds:
            start = time.perf_counter()
            lab.evaluate(lab.start, "search/1", [seed])
            durations.append((time.perf_counter() - start) * 1000)
        archive.close()
    return durations


def memory(backend: Sandbox) -> str:
    """Proportional memory of a box, and of each fork in it, while a job runs."""
    evaluate = sandboxed(backend, b"memory")
    evaluate(0.0)
    others = runner_processes()
    job = threading.Thread(target=evaluate, args=(2.0,))
    job.start()
    time.sleep(1)
    now = runner_processes()
    job.join()
    forks = [size for pid, size in now.items() if pid not in others]
    total, largest = sum(now.values()), max(forks, default=0)
    return f"{len(now)} processes, {total:.0f} MB; a fork is {largest:.0f} MB"


def runner_processes() -> dict[int, float]:
    """Memory in MB of every process that is a runner's, shared pages counted by share."""
    sizes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"from inside.runner import main" in (folder / "cmdline").read_bytes():
                lines = (folder / "smaps_rollup").read_text().splitlines()
                (line,) = [line for line in lines if line.startswith("Pss:")]
                sizes[int(folder.name)] = int(line.split()[1]) / 1024
        except OSError:
            continue
    return sizes


def tell_ratios(rows: list[Row]) -> None:
    """Print how much cheaper each way is than the usual ones."""
    for way in ("fresh process", "docker run"):
        usual = {row.job: statistics.median(row.overheads) for row in rows if row.way == way}
        for row in rows if usual else ():
            cheaper = usual[row.job] / statistics.median(row.overheads)
            print(f"{row.way}, {row.job}: {cheaper:.1f} times cheaper than a {way}")


def tell_searches(names: list[str], turns: int) -> None:
    """Print how long a whole search takes in each sandbox, and against namespaces."""
    walls = {name: searched(name, turns) for name in names}
    for name, wall in walls.items():
        against = (
            f", {wall / walls['namespace']:.2f} times namespace" if "namespace" in walls else ""
        )
        print(f"search of tests/bowl, {turns} turns, {name}: {wall:.1f} s{against}")


def main() -> None:
    """Print the table, and the ratios to a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="trials in each sandbox")
    parser.add_argument("--slow", type=int, default=20, help="trials in the slow ways")
    parser.add_argument("--turns", type=int, default=24, help="turns of the search of a cheap task")
    parser.add_argument("--sandboxes", nargs="*", default=["docker", "namespace", "process"])
    parser.add_argument("--json", help="also write the overheads to this file")
    asked = parser.parse_args()
    multiprocessing.set_forkserver_preload(["torch"])
    print(f"{'overhead in ms':28s} {'job':10s} {'n':>5s}  {'min':>8s} {'median':>8s} {'95 %':>8s}")
    rows: list[Row] = []

    def show(way: str, evaluate: Evaluate, counts: dict[float, int]) -> None:
        evaluate(0.0)
        for seconds, repeats in counts.items():
            job = "training" if seconds else "nothing"
            rows.append(Row(way, job, timed(evaluate, seconds, repeats)))
            print(rows[-1], flush=True)

    slow = {0.0: asked.slow, 0.2: asked.slow}
    show("fresh process", fresh_process, slow)
    show("fork server", fork_server, slow)
    for name in asked.sandboxes:
        with opened(name) as backend:
            counts = {0.0: asked.count, 0.2: max(asked.count // 10, 10)}
            show(f"{name}, new candidates", sandboxed(backend, new=True), counts)
            show(f"{name}, the same again", sandboxed(backend), counts)
            for seconds, jobs in ((0.2, 100), (1.0, 40)):
                share = share_in_training(backend, seconds, jobs)
                print(f"{'':28s} two workers, {seconds} s jobs: {share:.1%} of wall time trained")
            print(f"{'':28s} boxes at work: {memory(backend)}")
            for nodes in (10, 10_000):
                among = statistics.median(with_nodes(backend, nodes))
                print(
                    f"{'':28s} evaluated, graded and archived among {nodes} nodes: {among:.1f} ms"
                )
            if name == "docker":
                image = backend.describe()["image_id"]
                show("docker run", fresh_container(image), slow)
    tell_ratios(rows)
    tell_searches([name for name in asked.sandboxes if name != "process"], asked.turns)
    if asked.json:
        overheads = [{"way": row.way, "job": row.job, "ms": row.overheads} for row in rows]
        Path(asked.json).write_text(json.dumps(overheads))


if __name__ == "__main__":
    main()
