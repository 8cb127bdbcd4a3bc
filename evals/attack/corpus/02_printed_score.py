"""Prints a result line, then silences the log.

ids: 2
effect: score
defence: What a candidate prints is a log that nobody parses.
"""

import os


def attack(world):
    os.write(1, b'\n{"score": 1.0, "scores": {"all": [-99.0]}}\n')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
