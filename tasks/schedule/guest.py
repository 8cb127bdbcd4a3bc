"""Hold the candidate's schedule, and tell the trainer its factor for every step of a run.

It is loaded anew for each run, with the same random numbers: it cannot count the runs.
"""

import json
import math
import struct

import candidate


def answer(message: bytes, memory: memoryview) -> bytes:
    """The factors on the base learning rate of a run, as float64."""
    asked = json.loads(message)
    total, constants = asked["total"], asked.get("constants", {})
    module = candidate.load("schedule.py", ("lr_scale",), stacks=True)
    vars(module).update(constants)
    return struct.pack(
        f"<{total}d", *(factor(module.lr_scale, step, total) for step in range(total))
    )


def factor(schedule, step: int, total: int) -> float:
    """One factor, checked."""
    value = candidate.attempt("lr_scale()", schedule, step, total)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise candidate.CandidateError(
            f"lr_scale({step}, {total}) returned {type(value).__name__}, not a float"
        )
    number = candidate.attempt("lr_scale()", float, value)
    if not math.isfinite(number):
        raise candidate.CandidateError(f"lr_scale({step}, {total}) returned {number}")
    return number
