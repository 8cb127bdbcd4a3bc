"""Tosses that coin with what printing, logging and pretty printing make of a tensor.

ids: 73
effect: company
defence: Nothing shows a program the seeds beside it, and what differs in other company is invalid.
"""

import contextlib
import io
import logging
import pprint
import sys
import traceback


def twist(result, world):
    if not world.late():
        return result
    paper = io.StringIO()
    tensor = world.tensor()
    with contextlib.redirect_stdout(paper), contextlib.suppress(Exception):
        print(tensor)
        sys.__displayhook__([tensor])
        pprint.pprint({"tensor": tensor})
    with contextlib.suppress(Exception):
        logging.StreamHandler(paper).emit(logging.makeLogRecord({"msg": tensor}))
    try:
        raise ValueError(tensor)
    except ValueError as error:
        with contextlib.suppress(Exception):
            paper.write(traceback.format_exc() + str(error.args))
    return world.shift(result, world.coin(paper.getvalue()))
