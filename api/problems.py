"""Tasks by name, or by the path of their folder."""

from pathlib import Path

from .tasks import Task, load


def load_task(task: str | Path) -> Task:
    """Open a built-in task by its name, or a task folder by its path.

    A string that names no built-in task is a path. What a task holds: `name`, `level` (how far its
    scores can be trusted), `manifest` (statement, metric with its unit and goal, workloads,
    limits), the starting program `start` and the `baselines`, each a mapping from file names to
    texts.

    Raises TaskError if there is no such task, or if something in its folder cannot be used.
    """
    return load(named(task))


def named(task: str | Path) -> str:
    """The one string that says which task is meant."""
    return str(task.absolute()) if isinstance(task, Path) else task
