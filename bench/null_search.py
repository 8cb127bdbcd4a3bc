"""How often does a search over proposals without effect confirm one? Real training, real noise.

    python bench/null_search.py optimizer --searches 20 --proposals 100

At a third of the cost: `--workloads teacher char_mlp`.

Beside Ratchet's rule it counts, on the very same screens, what a rule that keeps the higher mean
would have kept: the baseline of the ratio it prints.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from no_effect import NoEffect

from ratchet.agents.opening import declared
from ratchet.archive import Archive, Tree
from ratchet.evals import fresh_key, judge, key_from
from ratchet.sandbox import open_sandbox
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import dgm
from ratchet.tasks import Task, load


def narrowed(task: Task, workloads: Sequence[str]) -> Task:
    """The task on fewer development workloads, the first of which is its glance."""
    text = task.files["task.toml"].decode()
    for key, names in (("dev", list(workloads)), ("glance", workloads[:1])):
        text = re.sub(rf"(?ms)^{key} = \[.*?\]", f"{key} = {json.dumps(names)}", text)
    return Task({**task.files, "task.toml": text.encode()})


def null_search(task: Task, proposals: int, seed: int, sandbox: str, workers: int) -> Tree:
    """One search in an archive of its own, with deduplication off so that everything is judged."""
    config = Config(
        task=task.name,
        agent="no_effect",
        seed=seed,
        key=key_from(seed),
        secret=fresh_key(),
        lag=2 * workers - 1,
        turns=proposals,
        novelty=False,
        schedule="adaptive",
        company=True,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(open_sandbox(sandbox, workers, accept_unisolated=True)) as backend,
    ):
        archive = Archive(Path(folder) / "archive.db", create=True)
        archive.start_run("null", task, config.model_dump(mode="json"))
        lab = Lab(task, backend, archive)
        run = Run("null", config, declared(NoEffect(), config.agent), dgm, lab, archive, workers)
        return Tree(list(search(run, lambda tree, turn: True)))


def main() -> None:
    """Run the searches and print one line each, then the totals."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task")
    parser.add_argument("--searches", type=int, default=20)
    parser.add_argument("--proposals", type=int, default=100)
    parser.add_argument("--workloads", nargs="+", help="these development workloads alone")
    parser.add_argument("--sandbox", default="process")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1000)
    asked = parser.parse_args()
    task = load(asked.task)
    if asked.workloads:
        task = narrowed(task, asked.workloads)

    false_searches = naive_searches = 0
    for number in range(asked.searches):
        start = time.monotonic()
        seed = asked.first_seed + number
        tree = null_search(task, asked.proposals, seed, asked.sandbox, asked.workers)
        funnel = tree.funnel()
        screens = [n.verdict.screen for n in tree if n.verdict and n.verdict.screen]
        kept = sum(screen.mean > 0 for screen in screens)
        false_searches += funnel["confirmed"] > 0
        naive_searches += kept > 0
        print(
            f"seed {seed}: {funnel}; higher mean on the screen: {kept}; "
            f"{time.monotonic() - start:.0f} s",
            flush=True,
        )
    bound = judge.failure_rate(false_searches, asked.searches).high
    print(
        f"{asked.searches} searches of {asked.proposals} proposals without effect on "
        f"{asked.task}, which gain less than is worth claiming: {false_searches} with a false "
        f"confirmation, so at most {bound:.0%} of such searches make one (95 %); "
        f"keeping the higher mean: {naive_searches}"
    )


if __name__ == "__main__":
    main()
