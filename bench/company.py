"""Do seeds meet? Coins for whole jobs offered to a search, and what it costs to look for them.

    python bench/company.py                          200 coins on each task that has some; hours
    python bench/company.py --tasks optimizer schedule --offers 20
    python bench/company.py --leaking --offers 200    a task that lets seeds meet; minutes
    python bench/company.py --cost optimizer --minutes 4.5

Coins are programs that learn well or hardly, as one throw decides for all seeds of a job. Beside
them honest programs are offered, one in ten. For each task a line says how many of both were
confirmed or called invalid for their company, and their ratio. `--cost` runs a search with
`evolver` and sums the seconds that jobs took, in all and for repeats alone.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple

from ratchet.agents import evolver
from ratchet.agents.base import Agent, Brief
from ratchet.agents.opening import declared
from ratchet.archive import Archive, Node, Tree
from ratchet.evals import Candidate, Evaluation, Gateway, Seed, Split, Trial, fresh_key
from ratchet.evals.company import REASON, Company
from ratchet.sandbox import Sandbox, open_sandbox
from ratchet.search.lab import Lab
from ratchet.search.loop import search
from ratchet.search.run import Config, Run
from ratchet.search.select import dgm
from ratchet.tasks import Task, load

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from stand_ins.cheats import CHEATS, coin, leaking
from stand_ins.played import Mediocre, Played, grader

SHIPPED = tuple(CHEATS)
HONEST = 10  # one offer in so many is honest


class Offers:
    """Offers coins, each with another comment and number, and honest programs between them."""

    def __init__(self, coins: Sequence[Mapping[str, str]], honest: Sequence[Mapping[str, str]]):
        """Take the programs; they are offered in turn."""
        self.coins, self.honest = coins, honest

    def propose(self, brief: Brief) -> Candidate:
        """The next program; equal ones differ by a constant that nothing uses but the form."""
        number = int(brief.desk.thread.rpartition("/")[2].partition(".")[0])
        fair = number % HONEST == 0 and bool(self.honest)
        programs = self.honest if fair else self.coins
        files = dict(programs[number // (HONEST if fair else 1) % len(programs)])
        name = min(files)
        files[name] += f"\n\ndef offer():\n    return {number}\n"
        idea = "honest" if fair else "coin"
        return Candidate(files=files, idea=idea, proposer="offers")


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
    task: Task, agent: Agent, sandbox: Sandbox, workers: int, turns: int | None = None
) -> Iterator[Run]:
    """A search in an archive of its own, with the check, in which every offer is judged."""
    config = Config(
        task=task.name,
        key=fresh_key(),
        secret=fresh_key(),
        lag=2 * workers - 1,
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
        lab = Clocked(task, sandbox, archive, gateway=model)
        yield Run("run", config, declared(agent, config.agent), dgm, lab, archive, workers)


def offered(task: Task, coins: Sequence[Mapping[str, str]], count: int, sandbox: Sandbox) -> str:
    """One line on what became of so many offers."""
    honest = [task.start, *task.baselines.values()]
    with begun(task, Offers(coins, honest), sandbox, workers=2, turns=count) as run:
        states: dict[int, Node] = {n.number: n for n in search(run, lambda tree, turn: True)}
    proposals = [node for node in Tree(states.values()) if node.verdict]
    counts = []
    for kind in ("coin", "honest"):
        own = [node for node in proposals if node.candidate.idea == kind]
        kept = sum(node.standing == "confirmed" for node in own)
        reasons = [
            node.verdict.reason for node in own if node.standing == "invalid" and node.verdict
        ]
        caught = sum(reason.startswith(REASON) for reason in reasons)
        share = f"{kept / len(own):.3f}" if own else "none"
        counts.append(
            f"{kind}: {len(own)} offered, {kept} confirmed ({share}), {caught} depend, "
            f"{len(reasons) - caught} cannot be measured"
        )
    return f"{task.name}: {'; '.join(counts)}"


def cost(task: Task, minutes: float, sandbox: Sandbox) -> str:
    """One line on what a search with `evolver` spends on repeats."""
    with begun(task, evolver.create(), sandbox, workers=2) as run:
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
    """Print one line for each task."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", default=SHIPPED, choices=SHIPPED)
    parser.add_argument("--offers", type=int, default=200)
    parser.add_argument("--leaking", action="store_true", help="a bowl whose guest mixes seeds")
    parser.add_argument("--cost", metavar="TASK", help="instead measure what the check costs")
    parser.add_argument("--minutes", type=float, default=4.5)
    parser.add_argument("--sandbox", default="auto")
    asked = parser.parse_args()
    with closing(open_sandbox(asked.sandbox, 2)) as sandbox:
        if asked.cost:
            print(cost(load(asked.cost), asked.minutes, sandbox))
        elif asked.leaking:
            coins = [{"step.py": coin(number)} for number in range(asked.offers)]
            print(offered(leaking(), coins, asked.offers, sandbox))
        else:
            for name in asked.tasks:
                coins = list(CHEATS[name].values())
                print(offered(load(name), coins, asked.offers, sandbox), flush=True)


if __name__ == "__main__":
    main()
