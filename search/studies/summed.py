"""What the trials of a calibration say of a task's noise, whichever trials they are."""

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median, stdev

from ...evals import Calibration, Evaluation, judge
from ...evals.checks import Glances, SameAgainstSame
from ...evals.rule import PooledSpread
from ...evals.scored import failure
from ...tasks import Metric
from ..lab import Lab
from .spread import Spread, spread


def baseline_names(lab: Lab) -> list[str]:
    """The names that a calibration gives to the baselines of a task."""
    return [f"baseline {name}" for name in lab.task.baselines]


def scored(by_name: Mapping[str, Evaluation], names: Iterable[str]) -> list[Evaluation]:
    """The evaluations of these programs, without those that have no score to compare."""
    return [by_name[name] for name in names if not failure(by_name[name])]


def summed_up(
    lab: Lab, by_name: Mapping[str, Evaluation], changed: Sequence[str], busy: float | None
) -> Calibration:
    """The calibration that these evaluations make, without checks of the judge.

    They go by the names of their programs: the start, its `renamed` copy, the `changed` copies and
    the baselines. `busy` is for how many seconds a worker was busy with one trial, if measured.
    """
    metric, reference = lab.task.metric, by_name[lab.start.idea]
    scores = reference.values(metric.worst)
    baselines = scored(by_name, baseline_names(lab))
    distant = [spread(reference, baseline, metric.worst) for baseline in baselines]
    near = [spread(reference, copy, metric.worst) for copy in scored(by_name, changed)]
    near = [s for s in near if s.paired > 0]
    apart = math.sqrt(2) * stdev(scores)
    used = near or distant or [Spread(apart, apart, 0.0)]
    far = [min(s.paired, s.unpaired) for s in distant]
    cpu_seconds = fmean(trial.seconds for trial in reference.trials)
    calibration = Calibration(
        task=lab.task.digest,
        environment=lab.environment,
        reference=lab.start.digest,
        seeds=len(scores),
        copies=len(near),
        usual=fmean(scores),
        noise=stdev(scores),
        workloads={
            name: stdev(reference.values(metric.worst, name))
            for name in lab.task.manifest.workloads.dev
        },
        paired=median(s.paired for s in used),
        unpaired=median(s.unpaired for s in used),
        correlation=median(s.correlation for s in used),
        distant=median(far) if far else None,
        baselines=len(far),
        failed=reference.failures / len(scores),
        cpu_seconds=cpu_seconds,
        seconds=cpu_seconds if busy is None else busy,
        same=SameAgainstSame(identical=_identical(reference, by_name["renamed"])),
        glance=Glances(chances=0, wrong=0),
    )
    pooled = _pooled([reference, *baselines], metric, calibration.design == "paired")
    return calibration.model_copy(update={"pooled": pooled})


def _pooled(evaluations: Sequence[Evaluation], metric: Metric, paired: bool) -> PooledSpread | None:
    """The pooled spread of gains between programs, on the seeds that all of them ran."""
    count = min(len(evaluation.trials) for evaluation in evaluations)
    scores = [judge.above_worst(evaluation, metric)[:count] for evaluation in evaluations]
    return judge.spread_between(scores, paired)


def _identical(reference: Evaluation, copy: Evaluation) -> bool:
    """Whether a copy scores as the reference does on its first seeds, to the last bit."""
    own = [trial.scores for trial in reference.trials[: len(copy.trials)]]
    return own == [trial.scores for trial in copy.trials]
