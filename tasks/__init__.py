"""What is to be improved. A task is a folder; see CONTRIBUTING.md for its parts.

The files, in reading order:

    base         a task: its programs, what they may use, and how they are scored
    manifest     what a task.toml may say
    names        what names and texts may be
    folder       read a folder that anyone may have written, within bounds
    motifs       what a motifs.toml tells the evolver

The folders are the tasks that come with Ratchet. `library/` is what they share.
"""

from .base import Task, load, names
from .folder import TaskError
from .manifest import Frozen, Manifest, Metric, Probe

__all__ = ["Frozen", "Manifest", "Metric", "Probe", "Task", "TaskError", "load", "names"]
