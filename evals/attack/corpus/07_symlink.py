"""Makes the result file a link to the archive, so that the evaluator overwrites its own records.

ids: 7
effect: archive
defence: The host writes and reads no file in a folder that a candidate has seen.
"""

import glob
import os


def attack(world):
    for name in ["archive.json", *glob.glob("../**/*.db", recursive=True)]:
        if os.path.exists(name):
            os.symlink(name, "results.json")
