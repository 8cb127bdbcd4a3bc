"""The grader's part of the noise, from artefacts that were scored on two sealed draws."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from ...evals import Candidate, Evaluation, Keys, Seed, draw
from ...evals.calibration import GraderNoise
from ..lab import Lab

Pair = tuple[float, ...]  # of a program on one seed: its score on either draw, or nothing
FEWEST = 4  # seeds, below which nothing is said


def redrawn(keys: Keys, stream: str, count: int) -> list[Seed]:
    """The first seeds of a stream with other sealed numbers, which make a second sealed draw."""
    pairs = zip(draw(keys, stream, count), draw(keys, f"{stream}/redrawn", count), strict=True)
    return [seed.model_copy(update={"sealed": other.sealed}) for seed, other in pairs]


def measured(
    lab: Lab,
    seconds: Sequence[Seed],
    reference: Candidate,
    others: Sequence[Candidate],
    evaluations: Mapping[str, Evaluation],
    paired: bool,
) -> GraderNoise | None:
    """The grader's part of the noise in gains over the reference, or of scores if not `paired`.

    `evaluations` are those of the programs by their ideas, and `seconds` their redrawn seeds.
    """
    own = _twice(lab, seconds, reference, evaluations)
    rows = [_twice(lab, seconds, other, evaluations) for other in others]
    rows = [row for row in rows if any(row)]
    places = [
        i for i in range(min(map(len, rows), default=0)) if own[i] and all(r[i] for r in rows)
    ]
    if not paired:
        return grader_noise([[row[i] for i in places] for row in (own, *rows)])
    return grader_noise([[_less(row[i], own[i]) for i in places] for row in rows])


def _twice(
    lab: Lab, seconds: Sequence[Seed], program: Candidate, evaluations: Mapping[str, Evaluation]
) -> list[Pair]:
    """The two scores of each seed; nothing for a seed that lacks one."""
    trials = evaluations[program.idea].trials
    again = lab.second_scores(program, seconds[: len(trials)])
    pairs = [
        (trial.score, again[seed].score if seed in again else None)
        for trial, seed in zip(trials, seconds, strict=False)
    ]
    return [(a, b) if a is not None and b is not None else () for a, b in pairs]


def _less(one: Pair, other: Pair) -> Pair:
    return tuple(a - b for a, b in zip(one, other, strict=True))


def grader_noise(programs: Sequence[Sequence[Pair]]) -> GraderNoise | None:
    """The share of the variance that lies within seeds, the mean over programs.

    All programs ran the same seeds. The interval is from a jackknife over seeds (Tukey 1958) of the
    share's log odds. None with too few seeds, or without any noise.
    """
    seeds = min(map(len, programs), default=0)
    if seeds < FEWEST:
        return None
    share = _half(programs)
    if share is None:
        return None
    low = high = share
    if 0 < share < 1:
        left_out = [_half([[*p[:i], *p[i + 1 :]] for p in programs]) for i in range(seeds)]
        low, high = _interval(share, [value for value in left_out if value is not None])
    return GraderNoise(
        share=min(1.0, 2 * share),
        low=min(1.0, 2 * low),
        high=min(1.0, 2 * high),
        programs=len(programs),
        seeds=seeds,
    )


def _half(programs: Sequence[Sequence[Pair]]) -> float | None:
    """Mean squares within seeds over those within and between: half the share of the variance."""
    shares = []
    for pairs in programs:
        within = fmean((one - two) ** 2 / 2 for one, two in pairs)
        sums = [one + two for one, two in pairs]
        middle = fmean(sums)
        both = within + sum((value - middle) ** 2 for value in sums) / 2 / (len(sums) - 1)
        if both > 0:
            shares.append(within / both)
    return fmean(shares) if shares else None


def _interval(share: float, left_out: Sequence[float]) -> tuple[float, float]:
    from scipy.special import expit, logit, stdtrit

    odds = [float(logit(value)) for value in left_out]
    if not all(map(math.isfinite, odds)):
        return 0.0, 1.0
    count = len(odds)
    error = stdev(odds) * (count - 1) / math.sqrt(count)
    reach, middle = float(stdtrit(count - 1, 0.975)) * error, float(logit(share))
    return float(expit(middle - reach)), float(expit(middle + reach))
