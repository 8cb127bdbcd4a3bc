"""Do seeds meet? Coins for whole jobs are offered to a search, which must not be taken in by them.

    python bench/company.py                      200 offers on each task that has coins; hours
    python bench/company.py --short --tasks optimizer schedule --built-on start
    python bench/company.py --leaking            a task that lets seeds meet; minutes

Coins are programs that learn well or hardly, as one throw decides for all seeds of a job. One offer
in ten is an honest program. The first row of a task is a search as it comes with Ratchet: an offer
is made from any node that the search keeps. A coin that is made from a weak baseline may truly be
better than that. In the second row there are no baselines, the start is the coins' own program
without its coin, and every offer is made from it. No coin is truly better than that.

Each claim that was confirmed of a coin is measured again, on fresh seeds, each in a job of its own.
It gets a line of its own, and is false if the mean gain there is no more than what was claimed.
With `--short` each run is a part as long: whether seeds can meet does not depend on that.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

from ratchet.agents.base import Agent, Brief
from ratchet.agents.opening import declared
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import (
    Candidate,
    Claim,
    Estimate,
    Evaluation,
    Gateway,
    Seed,
    Trial,
    draw,
    fresh_key,
    judge,
)
from ratchet.evals.company import REASON, Company
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import Select, dgm
from ratchet.tasks import Task, load

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from stand_ins.cheats import CHEATS, NO_COINS, SOBER, Programs, coin, leaking
from stand_ins.played import Mediocre, Played, grader
from stand_ins.short import short

HONEST = 10  # one offer in so many is honest
ANEW = 24  # fresh seeds on which a confirmed coin is measured again
WORKERS = 2
ROWS = ("nodes", "start")
HEAD = "task | built on | coins | confirmed | false claims | depend | fail | honest | confirmed"


class Offers:
    """Offers coins, each with another number in it, and honest programs between them."""

    def __init__(self, coins: Programs, honest: Programs) -> None:
        """Take the programs by name; they are offered in turn."""
        self.coins, self.honest = coins, honest

    def propose(self, brief: Brief) -> Candidate:
        """The next program; equal ones differ by a constant that nothing uses but the form."""
        number = int(brief.desk.thread.rpartition("/")[2].partition(".")[0])
        fair = number % HONEST == 0 and bool(self.honest)
        programs = list((self.honest if fair else self.coins).items())
        name, program = programs[number // (HONEST if fair else 1) % len(programs)]
        file, text = min(program.items())
        files = {**program, file: f"{text}\n\ndef offer():\n    return {number}\n"}
        return Candidate(files=files, idea=name, proposer="honest" if fair else "coin")


class Won(NamedTuple):
    """A claim that was confirmed of a coin, and what the coin gained when measured again."""

    coin: str
    rival: str
    claim: Claim
    gain: Estimate
    over_start: Estimate
    false: bool

    def __str__(self) -> str:
        """One line."""
        return (
            f"    {'false' if self.false else 'true'}: {self.coin}: {self.claim.says} than "
            f"{self.rival} by {self.claim.gain and self.claim.gain.mean:+.4f} on "
            f"{self.claim.pairs} seeds, anew {self.gain} on {self.gain.pairs}; "
            f"over the start {self.over_start}"
        )


@contextmanager
def played(task: Task, data: int) -> Iterator[Gateway | None]:
    """A function in place of the model that the candidates of a task ask, if they ask one."""
    if not task.manifest.model:
        yield None
    elif task.name == "agent_system":
        with grader() as marking:
            yield Mediocre(marking, data=data)
    else:
        yield Played()


@contextmanager
def begun(
    task: Task,
    agent: Agent,
    sandbox: Sandbox,
    turns: int | None = None,
    select: Select = dgm,
    lab: type[Lab] = Lab,
) -> Iterator[Run]:
    """A search in an archive of its own, with the check, in which every offer is judged."""
    config = Config(
        task=task.name,
        key=fresh_key(),
        secret=fresh_key(),
        lag=2 * WORKERS - 1,
        turns=turns,
        novelty=turns is None,
        schedule="adaptive",
        company=True,
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Archive(Path(folder) / "archive.db", create=True)) as archive,
        ExitStack() as stack,
    ):
        archive.start_run("run", task, config.model_dump(mode="json"))
        model = stack.enter_context(played(task, config.keys.data))
        opened = lab(task, sandbox, archive, gateway=model)
        yield Run("run", config, declared(agent, config.agent), select, opened, archive, WORKERS)


def from_start(tree: Tree, rng: Random) -> Node:
    """Build on the start and on nothing else."""
    return tree[0]


def sober(task: Task) -> Task:
    """The task without baselines, begun with the program of its coins that throws none."""
    files = {path: data for path, data in task.files.items() if not path.startswith("baselines/")}
    own = {f"start/{name}": text.encode() for name, text in SOBER[task.name].items()}
    return Task({**files, **own})


def offered(task: Task, offers: Offers, count: int, sandbox: Sandbox, select: Select) -> str:
    """A row on what became of so many offers, and a line for each claim of a confirmed coin."""
    with begun(task, offers, sandbox, count, select) as run:
        tree = Tree(list(search(run, lambda tree, turn: True)))
        coins, honest = (
            [node for node in tree if node.verdict and node.name == kind]
            for kind in ("coin", "honest")
        )
        kept = [node for node in coins if node.standing == "confirmed"]
        won = [line for node in kept for line in anew(run, tree, node)]
    failed = [node.verdict.reason for node in coins if node.standing == "invalid" and node.verdict]
    depend = sum(reason.startswith(REASON) for reason in failed)
    cells = [
        task.name,
        "start" if select is from_start else "nodes",
        len(coins),
        len(kept),
        sum(line.false for line in won),
        depend,
        len(failed) - depend,
        len(honest),
        sum(node.standing == "confirmed" for node in honest),
    ]
    return "\n".join([" | ".join(map(str, cells)), *map(str, won)])


def anew(run: Run, tree: Tree, node: Node) -> Iterator[Won]:
    """The claims that were confirmed of a node, each with its gain on fresh seeds."""
    seeds = draw(run.config.keys, "anew", ANEW)
    own, start = alone(run, node.candidate, seeds), alone(run, tree[0].candidate, seeds)
    metric, rule = run.task.metric, run.config.rule
    over_start = judge.estimate(judge.gains(own, start, metric))
    for claim in node.verdict.claims if node.verdict else ():
        if claim.held:
            rival = tree[claim.versus]
            gains = judge.gains(own, alone(run, rival.candidate, seeds), metric)
            gain = judge.estimate(gains)
            false = gain.gain <= rule.margin(metric, claim.says)
            name = rival.name if rival.name != "coin" else rival.candidate.idea
            yield Won(node.candidate.idea, name, claim, gain, over_start, false)


def alone(run: Run, candidate: Candidate, seeds: tuple[Seed, ...]) -> Evaluation:
    """The trials of seeds, each the only one of a job."""

    def measured(seed: Seed) -> Trial:
        return run.lab.repeat(candidate, Company("anew", (seed,)))[0]

    with ThreadPoolExecutor(WORKERS) as pool:
        return Evaluation(stream="anew", trials=tuple(pool.map(measured, seeds)))


def main() -> None:
    """Print two rows for each task."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", default=tuple(CHEATS), choices=tuple(CHEATS))
    parser.add_argument("--offers", type=int, default=200)
    parser.add_argument("--built-on", nargs="+", default=ROWS, choices=ROWS, help="rows to print")
    parser.add_argument("--short", action="store_true", help="shorter training runs and searches")
    parser.add_argument("--leaking", action="store_true", help="a bowl whose guest mixes seeds")
    parser.add_argument("--sandbox", default="auto")
    asked = parser.parse_args()
    opened = short if asked.short else load
    tasks = [leaking()] if asked.leaking else [opened(name) for name in asked.tasks]
    print(HEAD, flush=True)
    with closing(open_sandbox(asked.sandbox, WORKERS)) as sandbox:
        for task in tasks:
            coins: Programs = CHEATS.get(task.name) or {
                f"coin {number}": {"step.py": coin(number)} for number in range(asked.offers)
            }
            honest: Mapping[str, Mapping[str, str]] = {"start": task.start, **task.baselines}
            if "nodes" in asked.built_on:
                print(offered(task, Offers(coins, honest), asked.offers, sandbox, dgm), flush=True)
            if "start" in asked.built_on:
                own = Offers({name: coins[name] for name in coins if name not in NO_COINS}, honest)
                print(offered(sober(task), own, asked.offers, sandbox, from_start), flush=True)


if __name__ == "__main__":
    main()
