"""What does the evolver reach? How far its proposals go, and which known gains are among them.

    python bench/reach.py                  two tables; two minutes
    python bench/reach.py --proposals 100

The first table has the shares of proposals that raise or are not finite, that change the step by
less than 1 % (they can hardly be told from their parent) and by more than a half (nearly all are
ruined). The second takes changes of the shipped Muon that are known to gain, and counts proposals
that make each and nothing else, by what they do to tensors of each kind. The control `random_tweak`
proposes beside the evolver. With the Python of another checkout the same file measures that one.
"""

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from random import Random
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from ratchet.agents import evolver, random_tweak
from ratchet.agents.base import ProposalError
from ratchet.evals import Candidate
from ratchet.tasks import Task, load

KINDS = {"w": "matrix", "b": "bias", "e": "embed", "h": "head"}
SHAPES = {"w": (6, 8), "b": (8,), "e": (12, 6), "h": (8, 5)}
TOTAL = 20
SHIPPED = ("muon", "nadamw", "lion")
EFFECTS = (
    "factor for bias",
    "factor for embed",
    "weight decay 0.02 to 0.045",
    "decay drifts over the run",
    "momentum and look-ahead apart",
    "state in Muon's branch",
)
Proposer = Callable[[Task, Candidate, Random], Candidate]
Updates = list[dict[str, Tensor]]


def proposers() -> Mapping[str, Proposer]:
    """The evolver and the control, each as a function of parent and generator."""
    tweak = random_tweak.create()

    def evolve(task: Task, parent: Candidate, rng: Random) -> Candidate:
        others = [_candidate(files) for files in task.baselines.values()]
        return evolver.evolve(task, parent, others, rng)

    def change(task: Task, parent: Candidate, rng: Random) -> Candidate:
        brief = SimpleNamespace(task=task, parent=SimpleNamespace(candidate=parent), rng=rng)
        return tweak.propose(brief)  # type: ignore[arg-type]

    return {"evolver": evolve, "random_tweak": change}


def _candidate(files: Mapping[str, str]) -> Candidate:
    return Candidate(files=dict(files), idea="", proposer="task")


def proposals(propose: Proposer, task: Task, name: str, count: int) -> Iterator[Candidate]:
    """So many proposals from a baseline, each from a seed of its own."""
    parent = _candidate(task.baselines.get(name, task.start))
    for seed in range(count):
        try:
            yield propose(task, parent, Random(f"{name}/{seed}"))
        except ProposalError:
            continue


class Broken(Exception):
    """A program raised, or gave something other than an update of every tensor."""


def updates(text: str, size: float, impulse: bool = False) -> tuple[Updates, set[str]]:
    """What a program adds at each step, and the slots it keeps for the matrix; raises Broken.

    Parameters have the given size. After an `impulse` gradients are zero and nothing is made
    orthogonal, so that the answer of the momentum is seen.
    """
    try:
        return _updates(text, size, impulse)
    except Exception as error:  # a program may raise anything
        raise Broken from error


def _updates(text: str, size: float, impulse: bool) -> tuple[Updates, set[str]]:
    space: dict[str, Any] = {}
    exec(compile(text, "optimizer.py", "exec"), space)
    if impulse:
        space["orthogonalise"] = lambda matrix: matrix
    noise = torch.Generator().manual_seed(0)
    draw = {n: torch.randn(TOTAL + 1, *s, generator=noise) for n, s in SHAPES.items()}
    params = {name: size * draws[TOTAL] for name, draws in draw.items()}
    state, steps = space["init"](params, KINDS), Updates()
    for step in range(TOTAL):
        ctx = SimpleNamespace(step=step, total=TOTAL, progress=step / TOTAL, kinds=KINDS)
        grads = {n: draws[step] * (step == 0 or not impulse) for n, draws in draw.items()}
        change, state = space["update"](grads, state, params, ctx)
        steps.append({name: change[name].reshape(shape) for name, shape in SHAPES.items()})
    return steps, set(state["w"])


def ratios(new: Updates, old: Updates, name: str) -> list[float]:
    """The factor between two programs' updates at each step but the ends; nan if it is none."""
    factors = []
    for step in range(2, TOTAL - 1):
        a, b = new[step][name].flatten(), old[step][name].flatten()
        factor = float(a @ b / (b @ b))
        factors.append(factor if torch.dist(a, factor * b) < 1e-3 * a.norm() else float("nan"))
    return factors


def effects(text: str, parent: str) -> Iterator[str]:
    """Which of the changes that are known to gain a program makes."""
    (new, slots), (old, kept) = updates(text, 0.0), updates(parent, 0.0)
    factors = {name: ratios(new, old, name) for name in KINDS}
    same = {name for name, row in factors.items() if all(abs(f - 1) < 1e-3 for f in row)}
    for name, low, high in (("b", 1.3, 4.0), ("e", 1.5, 6.0)):
        row = factors[name]
        steady = low < row[0] < high and all(abs(factor - row[0]) < 1e-3 for factor in row)
        if same == KINDS.keys() - {name} and steady:
            yield f"factor for {KINDS[name]}"
    if same == KINDS.keys():
        yield from _decay(text, parent, new, old)
    elif same == KINDS.keys() - {"w"}:
        if slots - kept:
            yield "state in Muon's branch"
        yield from _split(text)


def _decay(text: str, parent: str, new: Updates, old: Updates) -> Iterator[str]:
    """What became of the weight decay, where nothing else changed."""
    pulls = []
    for base, program in ((new, text), (old, parent)):
        whole, _ = updates(program, 1.0)
        pulls.append([{n: w[n] - b[n] for n in KINDS} for w, b in zip(whole, base, strict=True)])
    rows = [_smooth(ratios(pulls[0], pulls[1], name)) for name in KINDS]
    if all(max(row) - min(row) < 0.02 * row[0] and 1.9 < row[0] < 4.5 for row in rows):
        yield "weight decay 0.02 to 0.045"
    if any(0.2 < row[0] < 5.0 and abs(row[0] - row[-1]) > 0.2 for row in rows):
        yield "decay drifts over the run"


def _smooth(row: Sequence[float]) -> list[float]:
    return [0.0 if math.isnan(factor) else factor for factor in row]


def _split(text: str) -> Iterator[str]:
    """Whether momentum and look-ahead have rates of their own: from the answer to an impulse."""
    steps, _ = updates(text, 0.0, impulse=True)
    first = steps[0]["w"]
    rates = [min(1.0, (step + 1) / (0.05 * TOTAL)) * (1.0 - step / TOTAL) for step in range(4)]
    answer = [float(s["w"].flatten() @ first.flatten()) for s in steps[:4]]
    if not all(answer[:3]):
        return
    one, two, three = (answer[i] / rates[i] / answer[0] for i in (1, 2, 3))
    if abs(two / one - three / two) > 1e-3:
        return
    keep = two / one
    # answer[0] is a (1 - keep) + 1 - a and answer[1] is a (1 - keep) keep, a being the look-ahead
    ahead = one / ((1.0 - keep) * keep + one * keep)
    if 0.05 < keep < 0.99 and abs(ahead - keep) > 0.02:
        yield "momentum and look-ahead apart"


def change(text: str, parent: str) -> float:
    """The change of the step against the parent's, over tensors and steps; infinite where wrong."""
    try:
        new = updates(text, 1.0)[0]
    except Broken:
        return math.inf
    old = updates(parent, 1.0)[0]
    parts = [
        float((a[name] - b[name]).norm() / (b[name].norm() + 1e-12))
        for a, b in zip(new, old, strict=True)
        for name in KINDS
    ]
    mean = fmean(parts[: len(KINDS) * (TOTAL - 1)])
    return mean if math.isfinite(mean) else math.inf


def shares(task: Task, propose: Proposer, name: str, count: int) -> str:
    """One cell of the first table."""
    parent = task.baselines[name]["optimizer.py"]
    children = proposals(propose, task, name, count)
    row = [change(child.files["optimizer.py"], parent) for child in children]
    wrong, void = fmean(x == math.inf for x in row), fmean(x < 0.01 for x in row)
    ruinous = fmean(0.5 < x < math.inf for x in row)
    return f"{wrong:.0%}, {void:.0%}, {ruinous:.0%}"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--proposals", type=int, default=1000)
    count = parser.parse_args().proposals
    task, agents = load("optimizer"), proposers()
    print("| wrong, void, ruinous | " + " | ".join(SHIPPED) + " |")
    for agent, propose in agents.items():
        cells = [shares(task, propose, name, count * 3 // 10) for name in SHIPPED]
        print(f"| {agent} | " + " | ".join(cells) + " |", flush=True)
    counts = {agent: Counter[str]() for agent in agents}
    parent = task.baselines["muon"]["optimizer.py"]
    for agent, propose in agents.items():
        for child in proposals(propose, task, "muon", count):
            with suppress(Broken):
                counts[agent].update(effects(child.files["optimizer.py"], parent))
    print(f"| among {count} from Muon | " + " | ".join(agents) + " |")
    for effect in EFFECTS:
        print(f"| {effect} | " + " | ".join(str(counts[agent][effect]) for agent in agents) + " |")


if __name__ == "__main__":
    main()
