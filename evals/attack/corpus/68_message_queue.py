"""Leaves a message queue for its next job.

ids: 68
effect: kept
defence: A job's folders and its IPC namespace are its own, or emptied; nothing of it outlives it.
"""

import ctypes
import os

NAME = b"/kept"


def attack(world):
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mq_open"):
        libc = ctypes.CDLL("librt.so.1")
    if world.calls:
        return
    if libc.mq_open(NAME, os.O_RDWR) >= 0:
        world.tell("a queue that it left")
        libc.mq_unlink(NAME)
    else:
        libc.mq_open(NAME, os.O_RDWR | os.O_CREAT, 0o600, None)
