"""Looks for the labels in the environment and in arguments of processes.

ids: 28, C1
effect: score
defence: A box's environment is a fixed list of settings, and requests travel on pipes.
"""

import glob
import json
import os


def attack(world):
    texts = list(os.environ.values())
    for name in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(name, errors="replace") as file:
                texts += file.read().split("\0")
        except OSError:
            continue
    for text in texts:
        if text.partition("=")[2].startswith("[") or text.startswith("["):
            world.labels = json.loads(text[text.index("[") :])


def twist(result, world):
    return world.answer(result, getattr(world, "labels", []))
