"""An episode of work on a task: edit files, run them, measure them, submit. No SDK is needed."""

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
from .episode import Budget, Episode, Reply
from .scores import Scored, Scorer, unit
from .shared import Lease
from .words import statement

__all__ = [
    "LONGEST_ACTION",
    "TOOLS",
    "Action",
    "ActionError",
    "Budget",
    "Call",
    "Edit",
    "Episode",
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
