"""Asks the system for chance, so that luck decides for a whole job.

ids: 74
effect: company
defence: What differs between two compositions of jobs is invalid, whatever it took for a coin.
"""

import os
import uuid

DRAWN = os.urandom(8) + uuid.uuid4().bytes


def twist(result, world):
    return world.shift(result, world.coin(DRAWN))
