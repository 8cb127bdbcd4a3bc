"""Overwrites the result from a signal handler, every few milliseconds.

ids: 4
effect: score
defence: There is no file to overwrite, and the clock that counts is the host's.
"""

import signal
from pathlib import Path


def attack(world):
    if not world.calls:
        signal.signal(signal.SIGALRM, lambda *_: Path("metrics.json").write_text('{"score": 1.0}'))
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.01)
