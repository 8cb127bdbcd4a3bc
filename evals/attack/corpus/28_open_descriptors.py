"""Reads the labels from files that somebody left open.

ids: 28
effect: score
defence: A candidate's process is given its own pipe and closes everything else first.
"""

import json
import os


def attack(world):
    for end in os.listdir("/proc/self/fd"):
        try:
            data = os.pread(int(end), 1 << 16, 0)
            world.labels = json.loads(data)
        except (OSError, ValueError):
            continue


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
