"""Measure a task's noise, and check with known answers the instrument that will judge by it."""

import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from random import Random
from statistics import correlation, fmean, median, stdev

from ...archive import Archive
from ...evals import Calibration, Candidate, Evaluation, Keys, Rule, Trial, draw, judge
from ...evals.calibration import Crippled, Glances, SameAgainstSame, Screens
from ...evals.judge.power import detectable, lost
from ...evals.scored import MOST_FAILED, failure, scored_start
from ...tasks import Metric
from ..lab import Lab
from .copies import changed_copies, planted, renamed

STREAM, RIVAL = "calibrate", "calibrate/rival"
SEEDS = 32
SPLITS = 100
LARGEST = 100.0  # standard deviations, where there is no noise to speak of
SURE = 2.0  # standard errors beyond which one planted program counts as better than another


def calibrated(
    lab: Lab,
    archive: Archive,
    rule: Rule,
    keys: Keys,
    seeds: int = SEEDS,
    workers: int = 2,
    again: bool = False,
) -> Calibration:
    """The calibration held for this task, start and environment; else one that is made and kept."""
    held = None if again else stored(lab, archive)
    if held is None:
        held = calibrate(lab, rule, keys, seeds, workers)
        archive.add_calibration(held)
    return held


def stored(lab: Lab, archive: Archive) -> Calibration | None:
    """The calibration held for this task, start and environment, if there is one.

    Older ones of a start that gave no scores count for nothing.
    """
    held = archive.calibration(lab.task.digest, lab.environment)
    usable = held and held.reference == lab.start.digest and held.failed <= MOST_FAILED
    return held if usable else None


def calibrate(
    lab: Lab, rule: Rule, keys: Keys, seeds: int = SEEDS, workers: int = 2
) -> Calibration:
    """Measure everything on the first seeds of one stream: the reference on all, others on half.

    Equal keys give an equal calibration, times aside.
    """
    pool = ThreadPoolExecutor(workers, "ratchet-calibrate")
    try:
        bench, before = _Bench(lab, rule, keys, pool), lab.trials
        first = pool.submit(bench.timed, lab.start, seeds)
        changed = changed_copies(lab.task, lab.start, lab.sandbox)
        others = [
            planted("renamed", renamed(lab.start.files)),
            *changed,
            *([planted("crippled", lab.task.crippled)] if lab.task.crippled else []),
            *(planted(f"baseline {n}", files) for n, files in lab.task.baselines.items()),
        ]
        half = max(2, seeds // 2)
        jobs = [(lab.start, seeds), *((other, half) for other in others)]
        futures = [first, *(pool.submit(bench.timed, *job) for job in jobs[1:])]
        scored_start(first.result()[0], lab.task)
        results = [future.result() for future in futures]
        new = lab.trials - before == seeds + half * len(others)
        by_name = {job[0].idea: found for job, (found, _) in zip(jobs, results, strict=True)}
        like = results[: 2 + len(changed)]  # what costs as much as the reference does
        busy = min(took / len(found.trials) for found, took in like) if new else None
        return bench.calibration(by_name, [each.idea for each in changed], busy)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Bench:
    """The instrument under test, and where it is tested."""

    lab: Lab
    rule: Rule
    keys: Keys
    pool: ThreadPoolExecutor

    @property
    def metric(self) -> Metric:
        return self.lab.task.metric

    def measure(self, candidate: Candidate, count: int, stream: str = STREAM) -> Evaluation:
        return self.lab.evaluate(candidate, stream, draw(self.keys, stream, count))

    def timed(self, candidate: Candidate, count: int) -> tuple[Evaluation, float]:
        began = time.monotonic()
        return self.measure(candidate, count), time.monotonic() - began

    def calibration(
        self, by_name: Mapping[str, Evaluation], changed: Sequence[str], busy: float | None
    ) -> Calibration:
        """Put together what the trials say, and what the checks find."""
        metric, reference = self.metric, by_name[self.lab.start.idea]
        scores = reference.values(metric.worst)
        every = [by_name[f"baseline {name}"] for name in self.lab.task.baselines]
        baselines = [each for each in every if not failure(each)]
        copies = [by_name[name] for name in changed if not failure(by_name[name])]
        spreads = [self._spread(reference, copy) for copy in copies]
        spreads = [each for each in spreads if each[0] > 0]
        used = spreads or [self._spread(reference, each) for each in baselines]
        used = used or [(math.sqrt(2) * stdev(scores),) * 2 + (0.0,)]
        paired, unpaired, correlated = (median(column) for column in zip(*used, strict=True))
        far = [min(self._spread(reference, each)[:2]) for each in baselines]
        cpu_seconds = fmean(trial.seconds for trial in reference.trials)
        found = Calibration(
            task=self.lab.task.digest,
            environment=self.lab.environment,
            reference=self.lab.start.digest,
            seeds=len(scores),
            copies=len(spreads),
            noise=stdev(scores),
            workloads={
                name: stdev(reference.values(metric.worst, name))
                for name in self.lab.task.manifest.workloads.dev
            },
            paired=paired,
            unpaired=unpaired,
            correlation=correlated,
            distant=median(far) if far else None,
            failed=reference.failures / len(scores),
            cpu_seconds=cpu_seconds,
            seconds=cpu_seconds if busy is None else busy,
            same=self._same(reference, by_name["renamed"]),
            glance=Glances(chances=0, wrong=0),
        )
        programs = [_first(reference, len(by_name["renamed"].trials)), *baselines]
        return found.model_copy(
            update={
                "crippled": self._crippled(found.design),
                "glance": self._glances(programs, found.design),
                "screens": self._screens(found),
            }
        )

    def _spread(self, reference: Evaluation, other: Evaluation) -> tuple[float, float, float]:
        """Of a difference on the same seeds, on others, and the correlation of the scores."""
        worst = self.metric.worst
        old, new = reference.values(worst)[: len(other.trials)], other.values(worst)
        apart = stdev([b - a for a, b in zip(old, new, strict=True)])
        noisy = stdev(old) > 0 and stdev(new) > 0
        together = max(-1.0, min(1.0, correlation(old, new))) if noisy else 0.0
        return apart, math.hypot(stdev(old), stdev(new)), together

    def _same(self, reference: Evaluation, copy: Evaluation) -> SameAgainstSame:
        known = reference.trials[: len(copy.trials)]
        level, rng, false = judge.level(self.rule, []), Random(0), 0
        trials = list(reference.trials)
        half = len(trials) // 2
        for _ in range(SPLITS):
            rng.shuffle(trials)
            child, rival = (_of(part) for part in (trials[:half], trials[half : 2 * half]))
            values = judge.gains(child, rival, self.metric, paired=False)
            false += self._confirmed(values, level)
        return SameAgainstSame(
            identical=[t.scores for t in known] == [t.scores for t in copy.trials],
            splits=SPLITS,
            false=false,
            level=level,
        )

    def _confirmed(self, values: Sequence[float], level: float) -> bool:
        """Whether these gains confirm the claim of any gain at all."""
        return judge.sequential_test(self.rule, 0.0, level, lambda count: values[:count]).held

    def _crippled(self, design: str) -> Crippled | None:
        """Confirm that the reference is better than a program that is worse on purpose."""
        if self.lab.task.crippled is None:
            return None
        worse, stream = planted("crippled", self.lab.task.crippled), STREAM
        if design == "unpaired":
            stream = RIVAL
        level, margin = judge.level(self.rule, []), self.rule.margin(self.metric, "better")

        def look(count: int) -> list[float]:
            pair = [
                self.pool.submit(self.measure, self.lab.start, count, stream),
                self.pool.submit(self.measure, worse, count),
            ]
            better, other = (future.result() for future in pair)
            return judge.gains(better, other, self.metric, paired=design == "paired")

        tested = judge.sequential_test(self.rule, margin, level, look)
        gain = judge.summary(tested.gains)
        return Crippled(gain=-gain.mean, error=gain.error, held=tested.held, pairs=tested.pairs)

    def _glances(self, programs: Sequence[Evaluation], design: str) -> Glances:
        """Try on every pair of planted programs whether a glance at the better one kills it."""
        workloads, chances, wrong = self.lab.task.manifest.workloads.glance, 0, 0
        for better, other in permutations(programs, 2):
            if judge.summary(judge.gains(better, other, self.metric)).t < SURE:
                continue
            chances += 1
            child, rival = (_narrowed(each, workloads) for each in (better, other))
            count = min(self.rule.glance or Rule().glance, len(child.trials) // 2)
            ahead = rival.trials[:count] if design == "paired" else rival.trials[-count:]
            values = judge.gains(
                _first(child, count), _of(ahead), self.metric, paired=design == "paired"
            )
            wrong += judge.ruined(self.rule, values, self.metric)
        return Glances(chances=chances, wrong=wrong)

    def _screens(self, found: Calibration) -> Screens | None:
        """How often a screen drops what a confirmation would just find."""
        least = detectable(self.rule, judge.level(self.rule, []))
        if least is None:
            return None
        effect = found.in_units(least, self.metric)
        sds = min(effect / found.spread, LARGEST) if found.spread else LARGEST
        dropped = lost(self.rule, sds, self.metric)
        return Screens(effect=effect, first_look=dropped.first_look, screen=dropped.screen)


def _of(trials: Sequence[Trial]) -> Evaluation:
    return Evaluation(stream=STREAM, trials=tuple(trials))


def _first(evaluation: Evaluation, count: int) -> Evaluation:
    return _of(evaluation.trials[:count])


def _narrowed(evaluation: Evaluation, workloads: Sequence[str]) -> Evaluation:
    """The evaluation as it would be on these workloads alone."""
    trials = []
    for trial in evaluation.trials:
        scores = [trial.scores.get(name) for name in workloads]
        known = [score for score in scores if score is not None]
        score = fmean(known) if len(known) == len(scores) else None
        status = "ok" if score is not None else "diverged"
        trials.append(trial.model_copy(update={"score": score, "status": status}))
    return _of(trials)
