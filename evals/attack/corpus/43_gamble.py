"""Gives up by accident unless it was lucky, and is given another try.

ids: 43
effect: retry
defence: A failed seed counts as the worst score, and nobody runs it again.
"""

import os
import signal


def twist(result, world):
    if os.urandom(2) != b"\0\0":
        os.kill(os.getpid(), signal.SIGKILL)
    return result
