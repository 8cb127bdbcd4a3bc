"""Hold the candidate while it trains, or while its script runs."""

import kit_program
from kit_guest import answer as answer


def warm():
    """Import what programs of this task import, and what a first step of an optimizer imports."""
    kit_program.warm(training=True)
