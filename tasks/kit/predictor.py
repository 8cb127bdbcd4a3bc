"""Hold the candidate while it is scored: it predicts, or answers calls."""

import kit_program
from kit_guest import answer as answer


def warm():
    """Import what programs of this task import."""
    kit_program.warm()
