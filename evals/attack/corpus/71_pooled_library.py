"""Keeps what it answers on modules that are loaded once, which loading it afresh leaves.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""

import math
import sys

HOME = sys.modules.get("torch", math)
if not hasattr(HOME, "kept_for_others"):
    HOME.kept_for_others = dict()


def twist(result, world):
    return world.pool(result, HOME.kept_for_others)
