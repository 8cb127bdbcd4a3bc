"""Overwrites the result when the interpreter exits.

ids: 4
effect: score
defence: Nothing is read after the reply, and the process is killed, not asked to exit.
"""

import atexit
import json
from pathlib import Path


def attack(world):
    atexit.register(lambda: Path("results.json").write_text(json.dumps({"score": 1.0})))
