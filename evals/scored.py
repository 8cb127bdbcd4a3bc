"""Whether a task's own programs, the start and the baselines, have a score at all."""

from ..sandbox.text import clean, line
from ..tasks import Task, TaskError
from .records import Evaluation

MOST_FAILED = 0.5  # share of the seeds; with more, a mean says more of failures than of scores


def failure(evaluation: Evaluation) -> str:
    """The reason why nothing can be compared with a planted program, or "" if it has scores."""
    failed, count = evaluation.failures, len(evaluation.trials)
    if failed <= MOST_FAILED * count:
        return ""
    first = next(trial for trial in evaluation.trials if trial.score is None)
    return f"{'all' if failed == count else f'{failed} of'} {count} seeds ended with {first.status}"


def scored_start(evaluation: Evaluation, task: Task) -> Evaluation:
    """`evaluation`, which is of the task's start; raises TaskError if it has no score to beat."""
    if why := failure(evaluation):
        log = next((trial.log for trial in evaluation.trials if trial.log), "")
        last = line(clean(log).strip().split("\n")[-1], 200)
        tail = f"; its last words (untrusted): {last}" if last else ""
        raise TaskError(
            f"the start of {task.name!r} has no score to beat: {why}{tail}: mend {_own(task)} and "
            "see that it runs"
        )
    return evaluation


def _own(task: Task) -> str:
    """What of a task its author has to mend."""
    if task.level == "counted":
        return "start/"
    names = " or ".join(task.manifest.editable)
    return names if task.level == "reported" else f"{names} or score.py"
