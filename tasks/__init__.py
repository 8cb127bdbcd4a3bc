"""What is to be improved. A task is a folder; see CONTRIBUTING.md for its parts.

The files, in reading order:

    base         a task: its programs, what they may use, and how they are scored
    manifest     what a task.toml may say
    trust        how far its scores can be trusted, in words
    own          what the folder of a user's own task may leave out
    kitted       the files of a task whose programs the kit supplies
    written      a new task, around a script or as an example
    names        what names and texts may be
    folder       read a folder that anyone may have written, within bounds
    motifs       what a motifs.toml tells the evolver

The folders are the tasks that come with Ratchet. `library/` is what they share,
and `kit/` runs what a user brings.
"""

from .base import Task, load, names
from .folder import TaskError
from .manifest import Frozen, Level, Manifest, Metric, Probe
from .trust import TRUST, trust_line

__all__ = [
    "TRUST", "Frozen", "Level", "Manifest", "Metric", "Probe", "Task", "TaskError", "load", "names",
    "trust_line",
]  # fmt: skip
