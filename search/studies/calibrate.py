"""Measure a task's noise, and check with known answers the instrument that will judge by it."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from statistics import fmean
from typing import NamedTuple

from ...evals import Calibration, Candidate, Evaluation, Keys, Rule, Trial, draw, judge
from ...evals.calibration import Screens
from ...evals.checks import Crippled, Glances, NoiseCheck
from ...evals.judge.power import lost
from ...evals.judge.reach import detectable
from ...evals.noise import check_noise
from ...evals.scored import scored_start
from ...tasks import Metric
from ..crew import threads
from ..lab import Lab
from .copies import changed_copies, planted, renamed
from .redrawn import measured, redrawn
from .settled import settle_worst, with_metric
from .summed import baseline_names, scored, summed_up

STREAM, RIVAL = "calibrate", "calibrate/rival"
SEEDS = 32
LARGEST = 100.0  # standard deviations, where there is no noise to speak of
SURE = 2.0  # standard errors beyond which one planted program counts as better than another


def calibrate(
    lab: Lab, rule: Rule, keys: Keys, seeds: int = SEEDS, workers: int = 2
) -> Calibration:
    """Measure everything on the first seeds of one stream: the reference on all, others on half.

    Equal keys give an equal calibration, times aside.
    """
    with threads(workers, "ratchet-calibrate") as pool:
        instrument, before = _Instrument(lab, rule, keys, pool), lab.trials
        first = pool.submit(instrument.timed, lab.start, seeds)
        changed = changed_copies(lab.task, lab.start, lab.sandbox)
        others = [
            planted("renamed", renamed(lab.start.files)),
            *changed,
            *([planted("crippled", lab.task.crippled)] if lab.task.crippled else []),
            *(planted(f"baseline {n}", files) for n, files in lab.task.baselines.items()),
        ]
        half = max(2, seeds // 2)
        futures = [first, *(pool.submit(instrument.timed, other, half) for other in others)]
        settle_worst(lab, scored_start(first.result().evaluation, lab.task))
        results = [future.result() for future in futures]
        new = lab.trials - before == seeds + half * len(others)
        programs = (lab.start, *others)
        by_name = {p.idea: t.evaluation for p, t in zip(programs, results, strict=True)}
        like = results[: 2 + len(changed)]  # what costs as much as the reference does
        busy = min(t.seconds / len(t.evaluation.trials) for t in like) if new else None
        names = [copy.idea for copy in changed]
        calibration = with_metric(lab, summed_up(lab, by_name, names, busy))
        calibration = instrument.checked(calibration, by_name, names)
        second, paired = redrawn(keys, STREAM, seeds), calibration.design == "paired"
        grader = measured(lab, second, lab.start, changed or others, by_name, paired)
        return calibration.model_copy(update={"grader": grader})


class _Timed(NamedTuple):
    """An evaluation, and how many seconds of the clock it took."""

    evaluation: Evaluation
    seconds: float


@dataclass(frozen=True)
class _Instrument:
    """The instrument under test, and where it is tested."""

    lab: Lab
    rule: Rule
    keys: Keys
    pool: ThreadPoolExecutor

    @property
    def metric(self) -> Metric:
        return self.lab.task.metric

    def measure(self, candidate: Candidate, count: int, stream: str = STREAM) -> Evaluation:
        seeds, second = draw(self.keys, stream, count), redrawn(self.keys, stream, count)
        return self.lab.evaluate(candidate, stream, seeds, redrawn=second)

    def timed(self, candidate: Candidate, count: int) -> _Timed:
        began = time.monotonic()
        return _Timed(self.measure(candidate, count), time.monotonic() - began)

    def checked(
        self, calibration: Calibration, by_name: Mapping[str, Evaluation], changed: Sequence[str]
    ) -> Calibration:
        """The calibration with what the checks of the judge find."""
        reference, design = by_name[self.lab.start.idea], calibration.design
        copies = scored(by_name, changed)
        baselines = scored(by_name, baseline_names(self.lab))
        programs = [_first(reference, len(by_name["renamed"].trials)), *baselines]
        return calibration.model_copy(
            update={
                "noise_check": self._checked(reference, [*copies, *baselines], design == "paired"),
                "crippled": self._crippled(design),
                "glance": self._glances(programs, design),
                "screens": self._screens(calibration),
            }
        )

    def _checked(
        self, reference: Evaluation, others: Sequence[Evaluation], paired: bool
    ) -> NoiseCheck | None:
        """Put the judge to the gains of copies and baselines, as a search would compare them."""
        half = len(others[0].trials) if others else 0
        rival = _first(reference, half) if paired else _of(reference.trials[-half:])
        gains = [judge.gains(other, rival, self.metric, paired=paired) for other in others]
        per_job = 1 if self.lab.apart else self.lab.task.manifest.limits.seeds_per_job
        return check_noise(self.rule, gains, per_job)

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
            child, rival = (_narrowed(evaluation, workloads) for evaluation in (better, other))
            count = min(self.rule.glance or Rule().glance, len(child.trials) // 2)
            ahead = rival.trials[:count] if design == "paired" else rival.trials[-count:]
            values = judge.gains(
                _first(child, count), _of(ahead), self.metric, paired=design == "paired"
            )
            wrong += judge.ruined(self.rule, values, self.metric)
        return Glances(chances=chances, wrong=wrong)

    def _screens(self, calibration: Calibration) -> Screens | None:
        """How often a screen drops what a confirmation would just find."""
        least = detectable(self.rule, judge.level(self.rule, []))
        if least is None:
            return None
        effect = self.metric.minimum_gain + least * calibration.wide
        sds = min(effect / calibration.wide, LARGEST) if calibration.wide else LARGEST
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
        present = [score for score in scores if score is not None]
        score = fmean(present) if len(present) == len(scores) else None
        status = "ok" if score is not None else "diverged"
        trials.append(trial.model_copy(update={"score": score, "status": status}))
    return _of(trials)
