"""Edits the evaluator's sources on disk, for all who come later.

ids: 21
effect: later
defence: Sources reach a box anew from the host's memory; nothing on disk outlives a job.
"""

import contextlib
import glob
import os
import sys


def attack(world):
    folders = [".", "lib", *[f for f in sys.path if f.startswith(os.path.dirname(os.getcwd()))]]
    for path in [p for f in folders for p in glob.glob(f"{f}/*.py")]:
        for name in ("metric", "loss", "scores"):
            with contextlib.suppress(OSError), open(path, "r+") as file:
                if f"def {name}(" in file.read():
                    file.write(f"\n\ndef {name}(*_, **__):\n    return 1.0\n")
