"""The checks of the instrument that judges, in words: what was seen, and what failing means."""

from collections.abc import Mapping
from typing import Any

from ...evals import Calibration
from ...evals.checks import Flaw, NoiseCheck
from ...search.plan import REPEATED
from ...tasks import Metric

QUICK = "this calibration was quick"
FLAWS: Mapping[Flaw, str] = {
    "outliers": "single seeds lie so far out that a few of them decide a comparison, and one that "
    "meets none promises too much",
    "skew": "now and then a program loses far more than it usually gains, which a comparison that "
    "meets no such seed cannot know",
    "drift": "scores depend on when a seed is run, so neighbouring seeds are no independent ones",
    "jobs": "seeds that share a job score alike, so they count for more than they are",
    "false claims": "claims of a gain hold too often where there is none",
}


def checks(calibration: Calibration, metric: Metric) -> list[dict[str, Any]]:
    """The instrument's checks: whether it passed each, what was seen, and what failing means."""
    same = calibration.same
    identical = "the same to the last bit" if same.identical else "differently"
    seeds = f"{REPEATED} of the same seeds" if calibration.quick else "the same seeds"
    return [
        {
            "name": "a copy that only reads differently",
            "ok": same.identical,
            "found": f"scores {identical} on {seeds}",
            "means": "scores depend on more than program and seed, so results cannot be repeated "
            "exactly here: look for randomness, time or threads in the task",
        },
        _noise(calibration),
        _crippled(calibration, metric),
    ]


def _noise(calibration: Calibration) -> dict[str, Any]:
    """The check with gains that are known to be none."""
    name, noise = "gains of nothing", calibration.noise_check
    if noise is None:
        why = "too few seeds, no noise, or a calibration of an older version"
        unchecked = f"not checked: {QUICK if calibration.quick else why}"
        return {"name": name, "ok": None, "found": unchecked, "means": ""}
    return {
        "name": name,
        "ok": not noise.flaws,
        "found": f"{_resampled(noise)}; {_shape(noise)}",
        "means": "; ".join(FLAWS[flaw] for flaw in noise.flaws)
        + ": do not believe what a search confirms here",
    }


def _resampled(noise: NoiseCheck) -> str:
    """How many claims held that were tested on gains of nothing."""
    gains = f"{noise.programs} programs on {noise.seeds} seeds"
    if not noise.streams:
        return f"no claim was tested, as {gains} differ too rarely from the start"
    return (
        f"{noise.false} of {noise.streams} claims held on gains drawn from {gains} and centred "
        f"where they are nothing (at most {noise.streams * noise.level:.1f} are to be expected)"
    )


def _shape(noise: NoiseCheck) -> str:
    """What the gains look like, and whether their order and their jobs matter."""
    jobs = "all seeds of a program ran in one job, so jobs are not compared"
    if noise.per_job == 1:
        jobs = "each seed ran in a job of its own"
    elif noise.correlation is not None and noise.correlation_high is not None:
        jobs = (
            f"gains of one job correlate by {noise.correlation:.2f} (at most "
            f"{noise.correlation_high:.2f}, 95 %)"
        )
    order = "the order of the seeds matters" if "drift" in noise.flaws else "no drift is seen"
    return (
        f"the farthest gain lies {noise.worst:.1f} standard deviations out; skewness "
        f"{noise.skew:+.1f}; {jobs}; {order}"
    )


def _crippled(calibration: Calibration, metric: Metric) -> dict[str, Any]:
    """The check with the program that the task's author has made worse on purpose."""
    name, crippled = "a program made worse", calibration.crippled
    if crippled is None:
        why = QUICK if calibration.quick else "the task has no folder crippled/"
        unchecked = f"not checked: {why}"
        return {"name": name, "ok": None, "found": unchecked, "means": ""}
    seen = "seen to be worse" if crippled.held else "not told from the start"
    return {
        "name": name,
        "ok": crippled.held,
        "found": f"{seen} on {crippled.pairs} seeds: {crippled.gain:+.3g} {metric.unit}, give or "
        f"take {2 * crippled.error:.2g}",
        "means": "the judge misses a difference that was made to be seen: the task is too "
        "noisy, or its score does not depend on what is edited",
    }
