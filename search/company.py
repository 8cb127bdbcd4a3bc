"""When a search repeats seeds beside other seeds, and what a different score then means.

In a screen a few seeds are repeated in jobs that run anyway, at next to no cost. Before a claim is
believed, all of its own seeds are repeated. Repeats are archived, so a search that was cut short
comes to the same result.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random

from ..archive import Node
from ..evals import Evaluation, Seed, Split, Trial, draw
from ..evals.company import Company, companies, difference, placed
from .run import Run

GUESTS = 1  # seeds of the first look that are repeated in the rest of the screen
APART = 2  # seeds that are repeated in a small job of their own, where there is no glance


def beside(run: Run, node: Node, stream: str, split: Split, done: int) -> tuple[Seed, ...]:
    """The seeds to repeat in the next look of a screen, of which `done` seeds are measured.

    A glance takes one seed more than it needs, so that its seeds are in other company than they are
    in the first look on all workloads.
    """
    if not run.config.company:
        return ()
    if split == "glance":
        return draw(run.config.keys, stream, 1, start=run.config.rule.glance)
    first = draw(run.config.keys, stream, done)
    return tuple(_chance(run, node, stream).sample(first, min(GUESTS, done)))


def look(run: Run, node: Node, stream: str, child: Evaluation) -> str:
    """Why a child's screen so far is no evidence, or "" if its repeated seeds came out the same."""
    if not run.config.company:
        return ""
    seeds = [trial.seed for trial in child.trials]
    again = run.lab.repeats(node.candidate, seeds)
    if run.config.rule.glance:
        first = seeds[: run.config.rule.glance]
        again += run.lab.evaluate(node.candidate, stream, first, "glance").trials
        again += run.lab.repeats(node.candidate, seeds, "glance")
    else:
        glance = tuple(run.task.manifest.workloads.glance)
        apart = Company("in a smaller job", tuple(seeds[:APART][::-1]), glance)
        again += run.lab.repeat(node.candidate, apart)
    return _reason(run, stream, child.trials, again, "beside other seeds")


def claimed(run: Run, pool: ThreadPoolExecutor, node: Node, stream: str, count: int) -> str:
    """Why a claim's seeds are no evidence, or "" if they come out the same in other company.

    Raises BudgetSpent if the search has come to its end.
    """
    if not run.config.company:
        return ""
    seeds = draw(run.config.keys, stream, count)
    trials = run.lab.evaluate(node.candidate, stream, seeds).trials
    workloads = run.task.manifest.workloads.dev
    asked = companies(trials, workloads, _chance(run, node, stream), run.lab.apart)
    futures = [pool.submit(run.lab.repeat, node.candidate, company) for company in asked]
    results = [future.result() for future in futures]
    for company, again in zip(asked, results, strict=True):
        if reason := _reason(run, stream, trials, again, company.name.partition("/")[0]):
            return reason
    return ""


def _reason(
    run: Run, stream: str, before: Iterable[Trial], again: Iterable[Trial], company: str
) -> str:
    before = list(before)
    contrast = difference(before, again, run.task, company)
    if contrast is None:
        return ""
    return contrast.words(placed(contrast.seed, {stream: [trial.seed for trial in before]}))


def _chance(run: Run, node: Node, stream: str) -> Random:
    """Draws that no candidate can foresee, and that a resumed search makes again."""
    return Random(f"{run.config.keys.sealed}/company/{stream}/{node.candidate.digest}")
