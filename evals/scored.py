"""Whether a task's own programs, the start and the baselines, have a score at all."""

from ..sandbox.text import clean, line
from ..tasks import Task, TaskError
from .records import Evaluation

MOST_FAILED = 0.5  # of the seeds: a mean over more failures than scores is about the failures


def failure(evaluation: Evaluation) -> str:
    """Why a planted program is not to be compared with, or "" if it has scores to compare."""
    failed, count = evaluation.failures, len(evaluation.trials)
    if failed <= MOST_FAILED * count:
        return ""
    first = next(trial for trial in evaluation.trials if trial.score is None)
    return f"{'all' if failed == count else f'{failed} of'} {count} seeds ended with {first.status}"


def scored_start(evaluation: Evaluation, task: Task) -> Evaluation:
    """The evaluation of a task's start; raises TaskError where it gives nothing to compare with."""
    if why := failure(evaluation):
        log = next((trial.log for trial in evaluation.trials if trial.log), "")
        last = line(clean(log).strip().split("\n")[-1], 200)
        words = f"; its last words (untrusted): {last}" if last else ""
        raise TaskError(
            f"the start of {task.name!r} has no score to beat: {why}{words}: mend start/ and see "
            "that it runs"
        )
    return evaluation
