"""An episode of work on a task: edit files, run them, measure them, submit. No SDK is needed.

The files, in reading order:

    calls        what may be done in an episode, and how JSON becomes a call
    episode      the files as they stand, and what each call does to them
    scores       how much better than its start a program is
    words        what an episode says to whoever works in it
    shared       one sandbox for all environments of a process

`evals/env.py` makes a gymnasium environment of an episode.
"""

from .calls import (
    LONGEST_ACTION,
    TOOLS,
    Action,
    ActionError,
    Call,
    Edit,
    Replace,
    Run,
    Submit,
    Validate,
    View,
    Write,
    parse,
)
from .episode import Episode, EpisodeBudget, Reply
from .scores import Scored, Scorer, unit
from .shared import Lease
from .words import statement

__all__ = [
    "LONGEST_ACTION",
    "TOOLS",
    "Action",
    "ActionError",
    "Call",
    "Edit",
    "Episode",
    "EpisodeBudget",
    "Lease",
    "Replace",
    "Reply",
    "Run",
    "Scored",
    "Scorer",
    "Submit",
    "Validate",
    "View",
    "Write",
    "parse",
    "statement",
    "unit",
]
