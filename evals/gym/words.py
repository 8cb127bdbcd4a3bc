"""What an episode says to whoever works in it. Recorded replies depend on every word of it."""

from ...sandbox.text import clean
from ...tasks import Task
from ..audit import SOURCE_BYTES
from ..records import LOG_CHARACTERS
from .scores import Scored

HELP = """\
An action is one JSON object:
  {"tool": "view", "file": F, "first": 1, "last": 40}    show a file, or some of its lines
  {"tool": "edit", "file": F, "old": TEXT, "new": TEXT}  put NEW where OLD stands exactly once
  {"tool": "write", "file": F, "text": TEXT}             replace a whole file
  {"tool": "run"}                                        read the program for what is not allowed,
                                                         then run it for a moment on tiny tensors
  {"tool": "validate"}                                   measure it against the start
  {"tool": "submit"}                                     hand it in, which ends the episode
  {"files": {F: TEXT, ...}}                              replace files, then validate"""


def statement(task: Task, seeds: int) -> str:
    """The task, the rules that a program is held to, and the tools."""
    manifest, metric = task.manifest, task.metric
    goal = "higher" if metric.goal == "max" else "lower"
    return (
        f"{manifest.title}\n\n{manifest.statement.strip()}\n\n"
        f"Score: {metric.name} in {metric.unit}, {goal} is better. Files to edit: "
        f"{', '.join(manifest.editable)}, at most {SOURCE_BYTES} bytes each. They may import "
        f"{', '.join(manifest.audit.imports)}. A validation costs {seeds} evaluations, and nothing "
        f"for a program that has a score.\n\n{HELP}"
    )


def validated(task: Task, scored: Scored, best: float) -> str:
    """The result of a validation in words; `best` is the best gain so far."""
    if not scored.valid:
        return f"it has no score: {scored.status}{printed(scored.log)}"
    metric, gain = task.metric, scored.gain
    lost = f"{scored.failed} seeds have no score ({scored.status}): the worst counts for them\n"
    by = ", ".join(f"{name} {value:+.4f}" for name, value in scored.workloads.items())
    return (
        f"gain {gain.gain:+.4f} {metric.unit} over the start (95 % interval {gain.low:+.4f} to "
        f"{gain.high:+.4f}, {gain.pairs} search seeds)\n"
        f"{metric.name} {scored.score:.4f}, of the start {scored.rival:.4f}\n"
        f"gain by workload: {by}\n{lost if scored.failed else ''}"
        f"best gain so far: {best:+.4f}{printed(scored.log)}"
    )


def rendered(task: Task, budget: str, best: float, feedback: str) -> str:
    """An environment as a person sees it; `budget` says what is left of the episode."""
    return clean(f"{task.name}: {budget}, best gain {best:+.4f} {task.metric.unit}\n{feedback}")


def printed(log: str) -> str:
    """The output of a program, marked line by line as not ours; "" if there is none."""
    text = clean(log, LOG_CHARACTERS).strip()
    return "\nthe program printed:\n| " + text.replace("\n", "\n| ") if text else ""
