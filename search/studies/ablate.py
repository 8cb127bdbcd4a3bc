"""Leave-one-out ablation: which steps of the winning chain still matter once all were made.

A step is taken out of the best program by a three-way merge of texts. Where later steps changed
the same lines, or what is left does not run, it cannot be taken out alone, and nothing is guessed.
"""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Literal

from ...archive import Archive, Node
from ...evals import Candidate, Estimate, admit, judge
from ...evals.records import Words
from ...evals.syntax import size
from ...tasks import Frozen
from ..crew import threads
from ..planted import simpler
from ..run import Run, behaviour
from ..screen import against, gains, measured
from .merge import merge_files
from .report import title

SEEDS = 32  # for each program, on a stream that nothing else reads
ABLATION = "ablation"  # the kind of event that an ablation is

StepFinding = Literal["matters", "not measurable", "better without", "gone", "inseparable"]


class AblationStep(Frozen):
    """One kept step of the chain, and the best program without it.

    `finding`: without the step the program is worse (`matters`), as good as far as was measured
    (`not measurable`) or better (`better without`); or later steps left nothing of it (`gone`), or
    it is `inseparable` from them, for the reason `why`. `gain` is that of the best program over the
    one without the step, whose `files` these are, and which is `smaller` by so many syntax nodes.
    A step is `dispensable` if the program without it is simpler and not measurably worse.
    """

    node: str
    parent: str
    idea: Words
    finding: StepFinding
    why: Words = ""
    gain: Estimate | None = None
    smaller: int = 0
    dispensable: bool = False
    files: Mapping[str, str] = {}


class Ablation(Frozen):
    """The steps from a planted node down to `node`, in the order in which they were made."""

    node: str
    validated: bool
    steps: tuple[AblationStep, ...]


def ablations(archive: Archive, run: str) -> list[Ablation]:
    """The ablations recorded so far, oldest first; nothing is measured."""
    return archive.records(run, ABLATION, Ablation)


def ablate(run: Run, number: int) -> Ablation:
    """Take every step that led to the node of this number out of it, one at a time; record it."""
    tree = run.archive.tree(run.id)
    best = tree[number]
    lineage = tree.lineage(best)
    with threads(run.workers, "ratchet-ablate") as pool:
        steps = tuple(pool.map(lambda pair: _step(run, best, *pair), pairwise(lineage)))
    isolated = best.validated and run.lab.sandbox.isolation != "none"
    result = Ablation(node=best.id, validated=isolated, steps=steps)
    run.archive.log(run.id, ABLATION, result.model_dump(mode="json"))
    return result


def _step(run: Run, best: Node, parent: Node, child: Node) -> AblationStep:
    """What the best program loses without the step from `parent` to `child`."""
    step = partial(AblationStep, node=child.id, parent=title(parent), idea=child.candidate.idea)
    files = merge_files(child.candidate.files, best.candidate.files, parent.candidate.files)
    if files is None:
        return step(finding="inseparable", why="later steps changed the same lines")
    if files == dict(best.candidate.files):
        return step(finding="gone")
    without = Candidate(files=files, idea=f"without {child.id}", proposer="ablation")
    if why := _broken(run, without):
        return step(finding="inseparable", why=why)
    stream = f"ablate/{best.number}"
    ours = measured(run, best.candidate, stream, SEEDS)
    theirs = measured(run, without, against(run, stream) or stream, SEEDS)
    if theirs.failures == SEEDS:
        why = f"without it all {SEEDS} seeds end with {theirs.trials[0].status}"
        return step(finding="inseparable", why=why)
    gain, nodes = judge.estimate(gains(run, ours, theirs)), size(files)
    return step(
        finding=_finding(gain),
        gain=gain,
        smaller=size(best.candidate.files) - nodes,
        dispensable=gain.low <= 0 and simpler(nodes, best),
        files=files,
    )


def _finding(gain: Estimate) -> StepFinding:
    if gain.low > 0:
        return "matters"
    return "better without" if gain.high < 0 else "not measurable"


def _broken(run: Run, without: Candidate) -> str:
    """Why a merged program is none, or nothing: it need not be what anyone meant."""
    if refused := admit(without.files, run.task).refused:  # also what is not Python
        return f"without it: {refused[0]}"
    failure = behaviour(run, without).failure
    return f"without it: {failure}" if failure else ""
