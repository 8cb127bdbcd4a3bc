"""Keeps what it answers with a thread that goes on, for other seeds.

ids: 71
effect: company
defence: A seed finds nothing of the seeds before it, and what differs in other company is invalid.
"""

import threading
import time


def find():
    for thread in threading.enumerate():
        if hasattr(thread, "kept"):
            return thread.kept
    thread = threading.Thread(target=time.sleep, args=[20], daemon=True)
    thread.kept = dict()
    thread.start()
    return thread.kept


def twist(result, world):
    return world.pool(result, find())
