"""Whether a task's own programs, the start and the baselines, have a score at all."""

import re

from ..sandbox.text import clean, line
from ..tasks import Task, TaskError
from .records import Evaluation

KIT = re.compile(r"^kit_\w+\.\w+: ")  # how errors of the programs that run a user's task begin
MEMORY = "memory_mb = 4096"
MORE = {"timeout": "seconds = 120", "oom": MEMORY, "output_overflow": MEMORY}
MOST_FAILED = 0.5  # share of the seeds; with more, a mean says more of failures than of scores


def failure(evaluation: Evaluation) -> str:
    """The reason why nothing can be compared with a planted program, or "" if it has scores."""
    failed, count = evaluation.failures, len(evaluation.trials)
    if failed <= MOST_FAILED * count:
        return ""
    first = next(trial for trial in evaluation.trials if trial.score is None)
    if count == 1:
        return f"its seed ended with {first.status}"
    return f"{'all' if failed == count else f'{failed} of'} {count} seeds ended with {first.status}"


def scored_start(evaluation: Evaluation, task: Task) -> Evaluation:
    """`evaluation`, which is of the task's start; raises TaskError if it has no score to beat."""
    if why := failure(evaluation):
        log = next((trial.log for trial in evaluation.trials if trial.log), "")
        last = KIT.sub("", line(clean(log).strip().split("\n")[-1], 300))
        tail = f"; its last words (untrusted): {last}" if last else ""
        raise TaskError(
            f"the start of {task.name!r} has no score to beat: {why}{tail}: "
            f"{_mend(task, evaluation)}"
        )
    return evaluation


def _mend(task: Task, evaluation: Evaluation) -> str:
    """What the author of a task has to do about a start that fails."""
    status = next(trial.status for trial in evaluation.trials if trial.score is None)
    more = MORE.get(status, "")
    if task.level == "counted":
        return "mend start/ and see that it runs"
    if more:
        return f"give a trial more under [run] in task.toml, such as {more}, or let it need less"
    names = " or ".join(task.manifest.editable)
    names = names if task.level == "reported" else f"{names} or score.py"
    if status == "diverged":
        return f"its score is NaN or infinite: mend {names}"
    return f"mend {names} and see that it runs"
