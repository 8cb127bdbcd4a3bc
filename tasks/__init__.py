"""What is to be improved. A task is a folder; see CONTRIBUTING.md for its parts."""

from .base import Frozen, Manifest, Metric, Task, load, names
from .folder import TaskError

__all__ = ["Frozen", "Manifest", "Metric", "Task", "TaskError", "load", "names"]
