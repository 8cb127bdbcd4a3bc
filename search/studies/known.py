"""The calibration that suits a search: the archived one, or one that is made now."""

from collections.abc import Callable

from ...archive import Archive
from ...evals import Calibration, Keys, Rule
from ...evals.scored import MOST_FAILED
from ..lab import Lab
from ..plan import REPEATED, Plan
from .calibrate import SEEDS, calibrate
from .quick import quick_calibration, timed_copy
from .settled import settle


def stored(lab: Lab, archive: Archive) -> Calibration | None:
    """The archived calibration of this task, start and environment, if there is one.

    The lab's task gets what it measured in the place of the task's author.
    Older ones of a start that gave no scores count for nothing.
    """
    calibration = archive.calibration(lab.task.digest, lab.environment)
    if calibration is None or calibration.reference != lab.start.digest:
        return None
    if calibration.failed > MOST_FAILED:
        return None
    settle(lab, calibration)
    return calibration


def calibrated(
    lab: Lab,
    archive: Archive,
    rule: Rule,
    keys: Keys,
    seeds: int = SEEDS,
    workers: int = 2,
    again: bool = False,
    quick: bool = False,
) -> Calibration:
    """The archived calibration of this task, start and environment, or a new one, archived.

    A `quick` one is only enough where that is asked for. Raises TaskError if the start gives no
    scores. With `again`, a new one in any case.
    """
    calibration = None if again else stored(lab, archive)
    if calibration is not None and (quick or not calibration.quick):
        return calibration
    if quick:
        return _kept(archive, quick_calibration(lab, keys, workers))
    return _kept(archive, calibrate(lab, rule, keys, seeds, workers))


def suited(
    lab: Lab, archive: Archive, keys: Keys, plan: Plan, claims: bool, say: Callable[[str], object]
) -> Calibration:
    """The calibration for a search with this plan: a quick one where trials are few and dear.

    Says what is measured. A search that makes no `claims` takes the whole calibration.
    """
    known = stored(lab, archive)
    if known is not None and (not known.quick or (claims and plan.dear(known.seconds))):
        return known
    if known is None and claims and (quick := _quick(lab, archive, keys, plan, say)):
        return quick
    say(
        f"calibrating {lab.task.name}: measuring its noise, "
        "once for this task, this machine and these versions ..."
    )
    return calibrated(lab, archive, Rule(), keys, workers=plan.workers)


def _quick(
    lab: Lab, archive: Archive, keys: Keys, plan: Plan, say: Callable[[str], object]
) -> Calibration | None:
    """A quick calibration, if trials are dear. Two trials tell, where time bounds the search."""
    copy = None
    if not plan.dear(0.0):
        if plan.minutes is None:
            return None
        copy = timed_copy(lab, keys)
        if not plan.dear(copy.seconds):
            return None
    say(
        f"calibrating {lab.task.name} quickly, as trials seem to be dear here: by the start and "
        f"the baselines, which the search measures anyway, and {REPEATED} trials more ..."
    )
    calibration = quick_calibration(lab, keys, plan.workers, copy)
    return _kept(archive, calibration) if plan.dear(calibration.seconds) else None


def _kept(archive: Archive, calibration: Calibration) -> Calibration:
    archive.add_calibration(calibration)
    return calibration
